"""A generation request from its samplers and seeds to its images."""
