"""Tests of `otel_savetrace.analysis`."""
