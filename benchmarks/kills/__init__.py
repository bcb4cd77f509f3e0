"""How many saves are told of when workers are killed outright, at random moments."""
