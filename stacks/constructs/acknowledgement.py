"""Answers to findings of cdk-nag: each names the rule and the reason for which it does not hold here."""

from collections.abc import Iterable
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Answer a finding of `rule` on `construct` or anything within it."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def acknowledge_wildcard(construct: IConstruct, resource: str, reason: str) -> None:
    """Answer the finding that a policy within `construct` allows `resource`, which ends in a wildcard."""
    finding = _flat(Stack.of(construct).resolve(resource))
    acknowledge(construct, f"AwsSolutions-IAM5[Resource::{finding}]", reason)


def acknowledge_managed_policies(construct: IConstruct, names: Iterable[str], reason: str) -> None:
    """Answer the finding that roles within `construct` have policies of AWS, by these names."""
    for name in names:
        acknowledge(construct, f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]", reason)


def _flat(value: Any) -> str:
    """Write a resolved ARN the way cdk-nag does in the name of a finding."""
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
