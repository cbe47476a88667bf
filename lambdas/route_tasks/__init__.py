"""Checks what the entry topic brings and sends it to its runtime."""
