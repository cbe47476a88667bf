"""Accepts, shows, cancels and retries batches over HTTP."""
