"""Queues and topics of the functions."""
