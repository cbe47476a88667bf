"""Checkpoints, and the diffusers pipelines that run them."""
