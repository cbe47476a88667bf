from typing import Any

import pytest

from local.cloudformation.errors import TemplateError
from local.cloudformation.synthesis import SynthesizedStack
from local.provisioning.provisioner import provision
from local.provisioning.resource_types import EMULATED, MADE, NOT_NEEDED


class FakeSns:
    def __init__(self) -> None:
        self.topics: list[str] = []

    def create_topic(self, *, Name: str) -> dict[str, str]:
        self.topics.append(Name)
        return {"TopicArn": f"arn:{Name}"}


class FakeClients:
    region = "eu-central-1"

    def __init__(self) -> None:
        self.sns = FakeSns()

    def __call__(self, service: str) -> Any:
        return {"sns": self.sns}[service]


def stack(name: str, resources: dict[str, Any], **sections: Any) -> SynthesizedStack:
    return SynthesizedStack(name, {"Resources": resources, **sections})


def test_a_type_has_one_fate() -> None:
    assert not MADE.keys() & EMULATED.keys()
    assert not (MADE.keys() | EMULATED.keys()) & NOT_NEEDED.keys()
    assert all(reason for reason in NOT_NEEDED.values())


def test_unknown_types_are_refused_before_anything_is_made() -> None:
    clients: Any = FakeClients()
    stacks = [
        stack("One", {"Topic": {"Type": "AWS::SNS::Topic"}}),
        stack("Two", {"Robot": {"Type": "AWS::RoboMaker::Robot"}, "Other": {"Type": "Custom::Thing"}}),
    ]
    with pytest.raises(TemplateError, match=r"Two/Other \(Custom::Thing\), Two/Robot \(AWS::RoboMaker::Robot\)"):
        provision(stacks, clients)
    assert clients.sns.topics == []


def test_unknown_properties_are_refused() -> None:
    clients: Any = FakeClients()
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"Shiny": True}}
    with pytest.raises(TemplateError, match=r"One/Topic \(AWS::SNS::Topic\).*Shiny"):
        provision([stack("One", {"Topic": topic})], clients)


def test_stacks_hand_values_to_each_other() -> None:
    clients: Any = FakeClients()
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Environment": {"Variables": {"TOPIC": {"Fn::ImportValue": "Topic"}}},
        },
    }
    provisioned = provision(
        [
            stack(
                "One",
                {"Topic": {"Type": "AWS::SNS::Topic"}},
                Outputs={"TopicArn": {"Value": {"Ref": "Topic"}, "Export": {"Name": "Topic"}}},
            ),
            stack(
                "Two",
                {"Function": function, "Role": {"Type": "AWS::IAM::Role"}},
                Outputs={"FunctionArn": {"Value": {"Fn::GetAtt": ["Function", "Arn"]}}},
            ),
        ],
        clients,
    )
    assert provisioned.outputs == {
        "TopicArn": "arn:One-Topic",
        "FunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:Two-Function",
    }
    (emulated,) = provisioned.of_type("AWS::Lambda::Function")
    assert emulated.resource.properties["Environment"] == {"Variables": {"TOPIC": "arn:One-Topic"}}
    assert provisioned.of_type("AWS::Events::Rule") == []
