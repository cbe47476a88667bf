"""Container of a runtime and its network, as every engine runs it."""
