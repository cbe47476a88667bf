"""Embedded ComfyUI: HTTP API and websocket of ComfyUI 0.33.0 with some of its nodes, for local systems and tests."""
