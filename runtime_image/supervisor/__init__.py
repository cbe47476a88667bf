"""The supervisor: starts the Web UI, the model downloader and the agent of one container, and looks after them."""
