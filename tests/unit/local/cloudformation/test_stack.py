from typing import Any

import pytest

from local.cloudformation.errors import TemplateError
from local.cloudformation.properties import Properties
from local.cloudformation.stack import Created, Resource, Stack


def stack(template: dict[str, Any], exports: dict[str, Any] | None = None) -> Stack:
    return Stack("One", template, region="us-east-1", exports=exports or {}, read_secret=lambda secret_id: secret_id)


TEMPLATE: dict[str, Any] = {
    "Parameters": {"Asked": {"Type": "String", "Default": "7"}},
    "Resources": {
        "Topic": {
            "Type": "T",
            "Properties": {"Of": {"Fn::GetAtt": ["Queue", "Arn"]}, "Stack": {"Ref": "AWS::StackName"}},
        },
        "Queue": {"Type": "Q"},
    },
    "Outputs": {
        "TopicArn": {"Value": {"Ref": "Topic"}, "Export": {"Name": "One:Topic"}},
    },
}


def test_resources_come_in_order() -> None:
    assert list(stack(TEMPLATE).resource_types()) == ["Queue", "Topic"]


def test_properties_outputs_and_exports_are_resolved() -> None:
    one = stack(TEMPLATE)
    one.add("Queue", Created("queue", {"Arn": "arn:queue"}))
    assert one.resource("Topic").properties == {"Of": "arn:queue", "Stack": "One"}
    one.add("Topic", Created("arn:topic"))
    assert one.outputs() == {"TopicArn": "arn:topic"}
    assert one.exports() == {"One:Topic": "arn:topic", "One/TopicArn": "arn:topic"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Ref": "Nobody"}, "One/Queue: .*'Nobody'"),
        ({"Ref": "Asked"}, "One/Queue: .*'Asked'"),
        ({"Fn::GetAtt": ["Made", "Colour"]}, "'Colour' of 'Made'; it knows Arn"),
        ({"Fn::GetAtt": ["Nobody", "Arn"]}, "no resource"),
        ({"Fn::ImportValue": "x"}, "no stack before this one exports"),
    ],
)
def test_a_value_that_nobody_gives_is_refused(value: object, message: str) -> None:
    one = stack({**TEMPLATE, "Resources": {"Queue": {"Type": "Q", "Properties": {"x": value}}}})
    one.add("Made", Created("made", {"Arn": "arn"}))
    with pytest.raises(TemplateError, match=message):
        one.resource("Queue")


@pytest.mark.parametrize("section", ["Conditions", "Mappings", "Transform"])
def test_a_section_that_would_change_the_resources_is_refused(section: str) -> None:
    with pytest.raises(TemplateError, match=f"One: .* sections {section}"):
        stack(TEMPLATE | {section: {}})


def test_imports_come_from_the_stacks_before() -> None:
    template = {"Resources": {"Queue": {"Type": "Q", "Properties": {"x": {"Fn::ImportValue": "a"}}}}}
    assert stack(template, {"a": "b"}).resource("Queue").properties == {"x": "b"}


def test_properties_that_nobody_takes_are_refused() -> None:
    properties = Properties(Resource("One", "Queue", "Q", {"Name": "n", "Tags": [], "New": 1}))
    assert properties.require("Name") == "n"
    assert properties.pop("Other", 3) == 3
    properties.ignore("Tags", "NotThere")
    with pytest.raises(TemplateError, match=r"One/Queue \(Q\).* New;"):
        properties.finish()
    with pytest.raises(TemplateError, match="no property Missing"):
        properties.require("Missing")
    assert properties.pop_all() == {"New": 1}
    properties.finish()
