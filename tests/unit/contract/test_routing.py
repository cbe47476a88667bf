import pytest
from pydantic import ValidationError

from contract.errors import FieldError
from contract.routing import (
    Catalogue,
    Limits,
    Runtime,
    is_checkpoint_name,
    runtime_filter_policy,
    same_checkpoint,
    task_attributes,
)
from tests.harness.records import make_record

STATIC = Runtime(name="sdruntime", model_filename="v1-5.safetensors", limits=Limits(width=1024))
DYNAMIC = Runtime(name="dynamic", dynamic_model=True)


def test_the_catalogue_survives_its_journey_through_the_environment() -> None:
    catalogue = Catalogue([STATIC, DYNAMIC])
    assert Catalogue.from_json(catalogue.to_json()).runtimes == catalogue.runtimes


@pytest.mark.parametrize("low_priority", [False, True])
def test_a_task_matches_the_filter_policy_of_one_queue_of_its_runtime_only(low_priority: bool) -> None:
    attributes = task_attributes(make_record(tasktype="png-info", low_priority=low_priority))
    named = {"id": "a", "runtime": "sdruntime", "tasktype": "png-info"}
    assert attributes == named | {"priority": "low" if low_priority else "normal"}
    matching = [
        (runtime, is_low)
        for runtime in ("sdruntime", "dynamic")
        for is_low in (False, True)
        if all(
            attributes[name] in values for name, values in runtime_filter_policy(runtime, low_priority=is_low).items()
        )
    ]
    assert matching == [("sdruntime", low_priority)]


def test_an_unknown_runtime_is_an_error_that_lists_the_names() -> None:
    found = Catalogue([STATIC, DYNAMIC]).find("x" * 500)
    assert isinstance(found, FieldError)
    assert "dynamic, sdruntime" in found.message
    assert len(found.message) < 250


def test_a_checkpoint_finds_its_own_runtime_before_a_dynamic_one() -> None:
    catalogue = Catalogue([DYNAMIC, STATIC])
    assert catalogue.runtime_for_checkpoint("v1-5.safetensors", lambda name: name) == STATIC
    assert catalogue.runtime_for_checkpoint("other.safetensors", lambda name: name) == DYNAMIC
    assert catalogue.runtime_for_checkpoint("other.safetensors", lambda _: None) is None


@pytest.mark.parametrize("name", ["a.safetensors", "a", "a.safetensors [0123abcd]", "a [0123abcd]", " a.ckpt"])
def test_forms_of_one_checkpoint(name: str) -> None:
    assert same_checkpoint(name, "a.safetensors")


@pytest.mark.parametrize("name", ["", "/a", "a/", "../a", "a/../b", "a//b", "a\n", "x" * 251])
def test_names_that_leave_the_checkpoint_folder(name: str) -> None:
    assert not is_checkpoint_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a.b", "x" * 41])
def test_names_that_no_runtime_may_have(name: str) -> None:
    with pytest.raises(ValidationError):
        Runtime(name=name, dynamic_model=True)


def test_a_runtime_has_one_way_to_its_model() -> None:
    for options in ({}, {"modelFilename": "a", "dynamicModel": True}):
        with pytest.raises(ValidationError, match="either modelFilename or dynamicModel"):
            Runtime.model_validate({"name": "a", **options})
