"""AWS resources of an environment: stacks are tables of contents, and constructs contain the resources."""
