"""New environment files, written from a user's answers."""
