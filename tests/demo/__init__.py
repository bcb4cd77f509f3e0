"""Tests of `otel_savetrace.demo`."""
