"""Constructs that the stacks are composed of, in one folder for each concern."""
