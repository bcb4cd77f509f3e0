"""Keys that nobody should see in a trace: `OTEL_SAVETRACE_KEYS=hash` and `none`."""
