"""Storage of tasks for functions and agents: the task table, the task bucket and the SNS envelope."""
