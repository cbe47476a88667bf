"""Topics and queues between the stages of a task."""
