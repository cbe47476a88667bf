from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloudformation.creation_order import creation_order
from local.cloudformation.errors import TemplateError


def test_every_kind_of_reference_counts() -> None:
    resources = {
        "A": {"Properties": {"x": [{"Ref": "B"}]}},
        "B": {"Properties": {"x": {"Fn::GetAtt": ["C", "Arn"]}}},
        "C": {"Properties": {"x": {"Fn::Sub": "${D.Arn}-${AWS::Region}"}}},
        "D": {"Properties": {"x": {"Fn::Join": ["", [{"Fn::GetAtt": "E.Arn"}]]}}},
        "E": {"DependsOn": "F"},
        "F": {"DependsOn": ["G"], "Properties": {"x": {"Ref": "AWS::Region"}}},
        "G": {"Properties": {"x": {"Fn::Sub": ["${y}", {"y": {"Ref": "H"}}]}}},
        "H": {},
    }
    assert creation_order(resources) == list("HGFEDCBA")


def test_a_circle_is_refused_by_name() -> None:
    with pytest.raises(TemplateError, match=r"A -> B -> A|B -> A -> B"):
        creation_order({"A": {"Properties": {"x": {"Ref": "B"}}}, "B": {"DependsOn": "A"}})


@given(st.dictionaries(st.integers(0, 20), st.sets(st.integers(0, 20)), max_size=20))
def test_dependencies_always_come_first(graph: dict[int, set[int]]) -> None:
    # A reference to a smaller number only, so that there is no circle.
    resources: dict[str, Any] = {
        str(node): {"Properties": [{"Ref": str(other)} for other in others if other < node]}
        for node, others in graph.items()
    }
    order = creation_order(resources)
    assert sorted(order) == sorted(resources)
    for node, others in graph.items():
        for other in others:
            if other < node and other in graph:
                assert order.index(str(other)) < order.index(str(node))
