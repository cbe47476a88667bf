"""Permissions of roles, in which each wildcard has a reason."""

from collections.abc import Mapping, Sequence

from aws_cdk import aws_iam

from stacks.constructs.nag_suppressions import suppress_wildcard


def allow(
    role: aws_iam.Role,
    *actions: str,
    on: str | Sequence[str],
    wildcard_reason: str = "",
    conditions: Mapping[str, Mapping[str, str]] | None = None,
) -> None:
    """Allow a role the `actions` on the resources `on`; a resource with a wildcard requires a reason."""
    resources = [on] if isinstance(on, str) else list(on)
    for resource in resources:
        if "*" in resource:
            if not wildcard_reason:
                raise ValueError(f"{role.node.path} would be allowed {resource}; name the resource or the reason")
            suppress_wildcard(role, resource, wildcard_reason)
    role.add_to_policy(aws_iam.PolicyStatement(actions=list(actions), resources=resources, conditions=conditions))
