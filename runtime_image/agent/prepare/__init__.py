"""Stage 2: inputs and models arrive, and the request is built."""
