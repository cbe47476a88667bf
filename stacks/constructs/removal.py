"""What becomes of a stateful resource when its stack is deleted."""

from aws_cdk import RemovalPolicy

from stacks.config import Environment


def removal_policy_of(environment: Environment) -> RemovalPolicy:
    """Return what the environment file says, in CloudFormation's terms.

    What a first deployment that failed had made is always removed: it is empty, and would stand in the way of nothing
    but the next reader.
    """
    if environment.removal_policy == "destroy":
        return RemovalPolicy.DESTROY
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
