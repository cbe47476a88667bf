"""Answers programs that were written for the Comfy API v2."""
