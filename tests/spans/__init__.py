"""Tests of `otel_savetrace.spans`."""
