import pytest

from local.demo.documented_requests import documented_workflow
from local.demo.image_size import FIRST, PRINTED, SIZES, size_for


@pytest.mark.parametrize(
    ("first_seconds", "size"),
    [(0.5, PRINTED), (2.8, PRINTED), (3, SIZES[1]), (30, SIZES[2]), (10_000, SIZES[-1])],
)
def test_a_slower_machine_gets_smaller_images(first_seconds: float, size: object) -> None:
    assert size_for(first_seconds, images=8) == size


@pytest.mark.parametrize(
    "request_", [{"task": {"metadata": {"id": "a"}, "content": {"prompt": "A dog", "steps": 16}}}, {"prompt": "A dog"}]
)
def test_the_size_is_all_that_changes(request_: dict[str, object]) -> None:
    changed = FIRST.applied(request_)
    content = changed["task"]["content"] if "task" in changed else changed
    assert content == {"prompt": "A dog", "width": 256, "height": 256, "steps": 8}
    assert changed.get("task", {}).get("metadata") == ({"id": "a"} if "task" in request_ else None)


def test_a_workflow_gets_the_size_where_it_has_one() -> None:
    before, after = documented_workflow(), FIRST.applied(documented_workflow())
    changed = before["task"]["content"]
    changed["3"]["inputs"]["steps"] = 8
    changed["5"]["inputs"] |= {"width": 256, "height": 256}
    assert after == before
