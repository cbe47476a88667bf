"""Parts that the container's programs share: logs, clock, retries, AWS clients, exit codes."""
