"""Download of models from the model bucket to the local disk of a runtime."""
