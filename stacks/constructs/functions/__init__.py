"""Lambda functions of a task's journey, with their roles, settings and triggers."""
