"""Tells by its key who calls the HTTP API."""
