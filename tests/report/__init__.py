"""Tests of `otel_savetrace.report`."""
