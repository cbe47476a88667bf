"""Shows, lists and cancels tasks."""
