"""Stage 1: messages become claimed tasks."""
