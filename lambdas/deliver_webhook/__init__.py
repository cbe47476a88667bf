"""Delivers webhooks: signed, to public addresses only, with growing pauses for an hour."""
