"""Images as requests and answers carry them, and the changes that need no model."""
