from typing import Any

import pytest

from local.cloudformation.errors import TemplateError
from local.cloudformation.intrinsics import decide_conditions


def resolve(value: Any) -> Any:
    return "us-east-1" if value == {"Ref": "AWS::Region"} else value


def test_conditions_refer_to_each_other_in_any_order() -> None:
    conditions = {
        "Neither": {"Fn::Not": [{"Condition": "Either"}]},
        "Either": {"Fn::Or": [{"Condition": "Here"}, {"Fn::Equals": ["a", "b"]}]},
        "Both": {"Fn::And": [{"Condition": "Here"}, {"Condition": "Either"}]},
        "Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
    }
    assert decide_conditions(conditions, resolve) == {"Neither": False, "Either": True, "Both": True, "Here": True}


@pytest.mark.parametrize("expression", [{"Condition": "Missing"}, {"Fn::Contains": []}, "yes"])
def test_what_cannot_be_decided_is_refused(expression: object) -> None:
    with pytest.raises(TemplateError):
        decide_conditions({"A": expression}, resolve)
