"""Says what differed between a save that failed and the retry that worked."""
