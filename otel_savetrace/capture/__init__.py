"""Facts of a save, from inside the app: OpenTelemetry and the standard library only."""
