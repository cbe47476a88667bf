"""The agent: takes tasks from its runtime's queue, has the SD Web UI carry them out, stores what comes of it."""
