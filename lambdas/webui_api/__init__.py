"""Answers clients of the SD Web UI: each call becomes a task, whose result is the Web UI's own response."""
