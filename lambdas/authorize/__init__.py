"""Authorizes a request of the HTTP API by its key."""
