"""Supervisor of a container: starts the Web UI, the model downloader and the agent, and keeps them running."""
