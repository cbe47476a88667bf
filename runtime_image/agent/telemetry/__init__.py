"""What the agent shows of itself: metrics and a trace of each task, and how the replica is doing."""
