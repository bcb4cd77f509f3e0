"""Incidents that the demo can play: each goes wrong by a mechanism of its own, nothing is only pretended."""
