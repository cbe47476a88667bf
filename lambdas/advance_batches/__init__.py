"""Submits and cancels the tasks of batches."""
