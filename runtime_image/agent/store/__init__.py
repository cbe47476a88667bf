"""Stage 4: outputs go to the output bucket."""
