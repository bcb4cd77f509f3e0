"""Saves that end in every way there is, as users make them in a real browser, and what is left of them."""
