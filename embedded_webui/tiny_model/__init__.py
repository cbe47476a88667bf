"""The default checkpoint, which this project writes itself."""
