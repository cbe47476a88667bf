"""Stub of the SD Web UI's API for tests and benchmarks: the real one's lock, progress and options, and no model."""
