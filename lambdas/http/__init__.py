"""HTTP API of the functions: application, responses and function URL."""
