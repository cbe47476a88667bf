"""What exists in AWS, as code: stacks are tables of contents, their constructs hold the substance."""
