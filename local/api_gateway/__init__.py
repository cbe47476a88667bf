"""API Gateway on one machine: HTTP requests become the events that the template's REST API would send."""
