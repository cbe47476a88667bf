"""Processes and HTTP servers of the local system."""
