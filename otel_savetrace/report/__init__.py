"""What a person sees of an analysis: terminal, JSON."""
