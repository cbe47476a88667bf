"""Batches as their functions share them: repository and stored tasks."""
