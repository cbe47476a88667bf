"""Demo of `make run`: the documented requests, sent to a local system, come back as pictures."""
