"""Where spans are read from; each source yields the same rows."""
