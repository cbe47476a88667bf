"""What `make run` shows: the documented requests, sent to a local system, come back as pictures."""
