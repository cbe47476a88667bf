"""The Web UI's HTTP API on diffusers: what the agent of the local system talks to instead of a GPU machine's Web UI."""
