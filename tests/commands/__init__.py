"""Tests of `otel_savetrace.commands`."""
