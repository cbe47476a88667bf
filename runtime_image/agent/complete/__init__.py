"""Stage 5: records become final, and messages are deleted or requeued."""
