"""Event loop of the agent with its events, claimed tasks, worker pools and shutdown sequence."""
