"""Landing to warehouse."""
