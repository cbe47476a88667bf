"""What becomes of a stateful resource when its stack is deleted."""

from aws_cdk import RemovalPolicy

from stacks.config import Environment


def removal_policy_of(environment: Environment) -> RemovalPolicy:
    """Return what the environment file says, in CloudFormation's terms."""
    return RemovalPolicy[environment.removal_policy.upper()]
