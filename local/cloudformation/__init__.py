"""CloudFormation on one machine: synthesis of the templates, and resolution of their values."""
