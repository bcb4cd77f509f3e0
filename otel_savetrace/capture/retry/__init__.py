"""A failed save and its retry: how the second comes to know the first while it happens."""
