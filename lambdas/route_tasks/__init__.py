"""Checks the tasks of the entry topic and sends them to their runtimes."""
