from hypothesis import given
from hypothesis import strategies as st

from local.cloudformation.stack import Resource


def resource(stack_name: str, logical_id: str) -> Resource:
    return Resource(stack_name, logical_id, "Type", {})


@given(st.text("ab", min_size=1, max_size=60), st.text("ab", min_size=1, max_size=60), st.integers(20, 80))
def test_names_fit(stack_name: str, logical_id: str, longest: int) -> None:
    name = resource(stack_name, logical_id).physical_name(longest=longest)
    assert len(name) <= longest
    assert name == resource(stack_name, logical_id).physical_name(longest=longest)


def test_cut_names_differ() -> None:
    names = {resource("Stack", "x" * 80 + end).physical_name(longest=40) for end in "abc"}
    assert len(names) == 3


def test_ids_have_the_length_of_api_gateways() -> None:
    assert len(resource("Stack", "Api").physical_id()) == 10
