"""Reading a synthesized CloudFormation template as CloudFormation would, for the types this project uses."""
