"""Settles tasks that nobody looks after any more."""
