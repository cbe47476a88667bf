"""Replicas of the runtimes: containers or bare agents, their Web UIs and their checkpoints."""
