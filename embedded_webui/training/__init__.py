"""Training of the tiny model on pictures that the project draws."""
