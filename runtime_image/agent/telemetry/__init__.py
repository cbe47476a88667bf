"""Metrics and a trace of each task, and the report of the replica's state."""
