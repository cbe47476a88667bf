"""Fails the tasks whose messages could not be delivered."""
