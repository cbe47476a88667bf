"""Pipelines: workflows of ComfyUI as the content of a task."""
