import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudformation.errors import TemplateError
from local.cloudformation.intrinsics import Resolver

REFERENCES = {"Queue": "http://queue", "AWS::Region": "eu-central-1"}
ATTRIBUTES = {("Queue", "Arn"): "arn:queue", ("Api", "Root.Id"): "root"}


@pytest.fixture
def resolver() -> Resolver:
    return Resolver(
        reference=REFERENCES.__getitem__,
        attribute=lambda logical_id, name: ATTRIBUTES[logical_id, name],
        imported={"shared": "value", "One/Topic": "arn:topic"}.__getitem__,
        text=lambda text: text.replace("{{secret}}", "s3cr3t"),
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        (7, 7),
        ({"Ref": "Queue"}, "http://queue"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:queue"),
        ({"Fn::GetAtt": "Queue.Arn"}, "arn:queue"),
        ({"Fn::GetAtt": "Api.Root.Id"}, "root"),
        ({"Fn::GetStackOutput": {"StackName": "One", "OutputName": "Topic", "Region": "eu-central-1"}}, "arn:topic"),
        ({"Fn::Join": ["-", ["a", {"Ref": "AWS::Region"}, 3, True]]}, "a-eu-central-1-3-true"),
        ({"Fn::Join": [",", {"Fn::Split": ["/", "a/b"]}]}, "a,b"),
        ({"Fn::Sub": "x-${Queue}-${Queue.Arn}-${!Queue}"}, "x-http://queue-arn:queue-${Queue}"),
        ({"Fn::Sub": ["${name}!", {"name": {"Ref": "Queue"}}]}, "http://queue!"),
        ({"Fn::Select": [1, {"Fn::Split": [":", {"Fn::GetAtt": ["Queue", "Arn"]}]}]}, "queue"),
        ({"Fn::Select": ["0", ["only"]]}, "only"),
        ({"Fn::ImportValue": {"Fn::Join": ["", ["sha", "red"]]}}, "value"),
        ({"Fn::Join": ["", ["{{sec", "ret}}"]]}, "s3cr3t"),
        ({"a": ["{{secret}}"]}, {"a": ["s3cr3t"]}),
    ],
)
def test_functions_become_their_values(resolver: Resolver, value: object, expected: object) -> None:
    assert resolver.resolve(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Transform": {"Name": "x"}},
        {"Fn::Join": ["-"]},
        {"Fn::Join": ["-", [{"a": 1}]]},
        {"Fn::Select": [5, ["a"]]},
        {"Fn::If": ["Unknown", 1, 2]},
        {"Fn::Split": [",", 7]},
        {"Fn::GetAtt": ["Nothing", "Arn"]},
    ],
)
def test_what_cannot_be_resolved_is_an_error_that_names_the_place(resolver: Resolver, value: object) -> None:
    with pytest.raises(TemplateError, match=r"^Outer: Inner: "):
        resolver.resolve({"Outer": {"Inner": value, "Other": 1}})


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="abc ${}.!", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=10,
)


@given(PLAIN)
def test_values_without_functions_are_left_alone(value: object) -> None:
    def refuse(*names: object) -> object:
        raise AssertionError(names)

    resolver = Resolver(reference=refuse, attribute=refuse, imported=refuse, text=lambda text: text)
    assert resolver.resolve(value) == value
