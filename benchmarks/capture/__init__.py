"""CPU of one save: no tracing, plain OpenTelemetry, otel-savetrace, interleaved in one run."""
