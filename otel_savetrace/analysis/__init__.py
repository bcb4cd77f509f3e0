"""Pure functions over rows: saves, episodes, differences.

scipy is imported by the functions that use it: it takes half a second, for which a command that
tests nothing does not wait.
"""
