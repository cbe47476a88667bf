"""Pictures in a task's content: found, fetched, read and replaced by plain base64."""
