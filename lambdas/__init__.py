"""Entry and exit of a task: one folder per function, named by its verb, all in one bundle."""
