"""Stage 3: the engine carries requests out."""
