"""Container of a runtime: one GPU, one SD Web UI, the model downloader, the agent, and their supervisor."""
