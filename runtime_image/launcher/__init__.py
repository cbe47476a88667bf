"""Launcher of the SD Web UI: runs in the Web UI's Python and its process, before any of its code."""
