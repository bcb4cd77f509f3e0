"""A storymap-like app with no tracing in it, a real S3 server behind faults, users who retry."""
