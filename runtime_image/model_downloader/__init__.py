"""Models on their way from the model bucket to the local disk, before the Web UI needs them."""
