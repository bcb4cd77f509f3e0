"""Pure functions over rows: saves, episodes, differences."""
