"""Clients, clock, logs and metrics of a function's process."""
