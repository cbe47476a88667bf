"""Submits a task from the HTTP API."""
