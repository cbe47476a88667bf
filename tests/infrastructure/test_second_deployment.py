"""A first deployment that failed at any stack is repeated by the same command, as far as templates decide it.

The command line deletes a stack whose creation failed and creates it again. So the deletion must succeed, and nothing
that remains may have the name of what is created again.
"""

import json
from typing import Any

from tests.infrastructure.templates import Resource, Templates

#: Types whose names we choose, because tools or people look for them. CloudFormation deletes each of them with its
#: stack, and AWS allows its name again at once.
NAMED = {
    "AWS::ApiGateway::Authorizer",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::ApiGateway::UsagePlan",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::EKS::Cluster",
    "AWS::IAM::Policy",
    "AWS::Logs::QueryDefinition",
}
#: Properties that hold the name of the resource itself.
NAMES = {
    *("AlarmName", "AutoScalingGroupName", "BucketName", "CapacityProviderName", "ClusterName", "DashboardName"),
    *("FunctionName", "Family", "GroupName", "LaunchTemplateName", "LayerName", "LogGroupName", "Name", "PolicyName"),
    *("QueueName", "RoleName", "ServiceName", "StageName", "TableName", "TopicName", "UsagePlanName", "AliasName"),
}
#: Types in which such a property names another resource.
_REFERRING = {"AWS::EC2::VPCEndpoint", "AWS::Lambda::Permission", "Custom::LogRetention"}
#: What remains after a failed creation, too: one role for the logs of all APIs of an account, with a generated name.
#: Its deletion would end the logs of other environments.
ACCOUNT_WIDE = {"AWS::ApiGateway::Account", "AWS::IAM::Role"}


def fixed_names(resource: Resource) -> list[str]:
    """Return the names of a resource that its next creation would have again."""
    if resource.type in _REFERRING:
        return []
    return [value for key, value in resource.properties.items() if key in NAMES and is_fixed(value)]


def is_fixed(value: Any) -> bool:
    """Return True if a name contains no generated name or id of another resource."""
    return "Fn::GetAtt" not in json.dumps(value) and all(name.startswith("AWS::") for name in references(value))


def references(value: Any) -> list[str]:
    match value:
        case {"Ref": name}:
            return [name]
        case dict():
            return [name for part in value.values() for name in references(part)]
        case list():
            return [name for part in value for name in references(part)]
    return []


def test_a_failed_creation_leaves_nothing_that_its_repetition_creates_again(templates: Templates) -> None:
    remaining = [item for item in templates.resources() if item.body.get("DeletionPolicy") in {"Retain", "Snapshot"}]
    assert {item.type for item in remaining} <= ACCOUNT_WIDE
    assert not [item.logical_id for item in remaining if fixed_names(item)]


def test_what_stays_after_a_removal_has_no_name_that_a_new_environment_wants(templates: Templates) -> None:
    policies = {"Retain", "RetainExceptOnCreate"}
    retained = [item for item in templates.resources() if item.body.get("DeletionPolicy") in policies]
    assert {"AWS::S3::Bucket", "AWS::DynamoDB::Table"} <= {item.type for item in retained} or (
        templates.environment.removal_policy == "destroy"
    )
    assert not {item.logical_id: names for item in retained if (names := fixed_names(item))}


def test_a_name_that_we_choose_is_free_again_after_a_deletion(templates: Templates) -> None:
    """The name of a secret or queue is not: AWS refuses it for days and for a minute."""
    named = {item.type for item in templates.resources() if fixed_names(item)}
    assert named - NAMED == set()


def test_names_are_those_of_one_environment(templates: Templates) -> None:
    """An account may have several environments, and a failed stack must not meet its own name in another one."""
    kinds = {"AWS::EKS::Cluster", "AWS::ECS::Cluster", "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"}
    kinds |= {"AWS::ECS::TaskDefinition", "AWS::Logs::QueryDefinition", "AWS::ApiGateway::RestApi"}
    names = [(item.type, name) for item in templates.resources(*kinds) for name in fixed_names(item)]
    assert all(templates.environment.name in name for _, name in names)
    assert len(names) == len(set(names))


def stacks_of(templates: Templates) -> dict[str, dict[str, Any]]:
    """Return the description of each stack for the command line, by its name."""
    manifest = json.loads((templates.folder / "manifest.json").read_text())
    return {name: body for name, body in manifest["artifacts"].items() if body["type"] == "aws:cloudformation:stack"}


def test_only_the_stack_with_the_state_is_protected_so_that_every_other_can_be_deployed_again(
    templates: Templates,
) -> None:
    """The command line protects a stack before it creates it, so this one needs a command of the documents first.

    It is the first stack, and contains nothing that an earlier attempt or a young account's quota could refuse.
    """
    stacks = stacks_of(templates)
    protected = {name for name, body in stacks.items() if body["properties"].get("terminationProtection")}
    storage = f"Darkroom-{templates.environment.name}-Storage"
    assert protected == ({storage} if templates.environment.removal_policy == "retain" else set())
    assert not before(storage, stacks)
    kinds = {"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::DynamoDB::Table"}
    assert {item.type for item in templates.resources() if item.stack == "Storage"} == kinds


def test_a_stack_needs_only_what_the_command_line_deploys_before_it(templates: Templates) -> None:
    stacks = stacks_of(templates)
    prefix = f"Darkroom-{templates.environment.name}-"
    exports = {
        output["Export"]["Name"]: f"{prefix}{stack}"
        for stack, template in templates.stacks.items()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    needed = {
        (f"{prefix}{stack}", exports.get(name, name))
        for stack, body in templates.stacks.items()
        for name in imports(body)
    }
    assert needed
    for stack, earlier in needed:
        assert earlier in before(stack, stacks)


def imports(value: Any) -> set[str]:
    """Return the exports that a template reads, and the stacks that it reads without one."""
    match value:
        case {"Fn::ImportValue": str(name)} | {"Fn::GetStackOutput": {"StackName": str(name)}}:
            return {name}
        case dict():
            return {name for part in value.values() for name in imports(part)}
        case list():
            return {name for part in value for name in imports(part)}
    return set()


def before(stack: str, stacks: dict[str, Any]) -> set[str]:
    """Return the stacks that the command line deploys before this one."""
    needed = {name for name in stacks[stack].get("dependencies", ()) if name in stacks}
    return needed | {earlier for name in needed for earlier in before(name, stacks)}
