"""Answers programs written for an SD Web UI: each call becomes a task, and its end the Web UI's own answer."""
