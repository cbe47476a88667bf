"""Suppressions of cdk-nag findings, each with the reason why its rule does not apply."""

from collections.abc import Iterable
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def suppress(construct: IConstruct, rule: str, reason: str) -> None:
    """Suppress the findings of `rule` on `construct` and everything within it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def suppress_wildcard(construct: IConstruct, resource: str, reason: str) -> None:
    """Suppress the finding that a policy within `construct` allows `resource`, which ends in a wildcard."""
    finding = _flat(Stack.of(construct).resolve(resource))
    suppress(construct, f"AwsSolutions-IAM5[Resource::{finding}]", reason)


def suppress_managed_policies(construct: IConstruct, names: Iterable[str], reason: str) -> None:
    """Suppress the finding that roles within `construct` have these managed policies of AWS."""
    for name in names:
        suppress(construct, f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]", reason)


def _flat(value: Any) -> str:
    """Return a resolved ARN as cdk-nag writes it in the name of a finding."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_flat(part) for part in parts)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::ImportValue": name}:
            return str(name)
    return str(value)
