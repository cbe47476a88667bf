"""Local system: the whole journey of a task on one machine, by the templates, functions and agent of AWS."""
