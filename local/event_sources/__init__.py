"""Event sources of Lambda functions: queue messages, table changes and schedules."""
