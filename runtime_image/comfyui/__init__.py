"""ComfyUI as a generation engine."""
