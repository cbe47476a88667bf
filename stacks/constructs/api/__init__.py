"""HTTP API: routes, keys, throttling and API Gateway's own error responses."""
