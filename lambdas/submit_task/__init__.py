"""Takes a task from the HTTP API."""
