"""Tests of collector/, on the real Collector and Jaeger."""
