"""Buckets and the task table."""
