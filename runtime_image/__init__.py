"""Where a task runs: everything inside the container that stands on a GPU."""
