"""Links in a task's content: found, checked, fetched and replaced by what they point to."""
