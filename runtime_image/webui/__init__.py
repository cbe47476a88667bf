"""The SD Web UI as the agent sees it: one HTTP API with one generation lock and a few traps."""
