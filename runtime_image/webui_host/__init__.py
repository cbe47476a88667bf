"""Host of the Web UI: the only program of Darkroom in the container that runs strangers' work."""
