"""The whole journey of a task on one machine, by the same templates, functions and agent as on AWS."""
