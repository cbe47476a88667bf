"""Lets callers upload inputs that are too large for a request."""
