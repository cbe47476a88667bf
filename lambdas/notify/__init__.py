"""Publishes the callbacks of finished tasks."""
