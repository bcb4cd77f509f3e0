"""Timings, as ratios against something run beside it."""
