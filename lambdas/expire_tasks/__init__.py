"""Expires tasks whose replica or message was lost."""
