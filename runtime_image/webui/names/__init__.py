"""Names that requests use: samplers, checkpoints, LoRA and the like."""
