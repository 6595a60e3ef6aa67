"""Your laptop only."""
