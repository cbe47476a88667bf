"""HTTP routes of the SD Web UI's API, and the shapes of their answers."""
