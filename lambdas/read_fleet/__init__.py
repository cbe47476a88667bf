"""Describes the runtimes of an environment, and what its fleet does and costs."""
