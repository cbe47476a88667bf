"""The SD Web UI's HTTP API on diffusers: the Web UI of a machine without the real one."""
