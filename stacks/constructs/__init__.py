"""The substance of the stacks: one construct for each thing that a task passes on its journey."""
