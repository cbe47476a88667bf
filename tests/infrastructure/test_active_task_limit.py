"""The limit of active tasks per key reaches the functions that hold it, with the rights that it takes."""

from typing import Any

import pytest

from tests.infrastructure.test_functions import rights_of

TABLE = "TaskTable.Arn"


@pytest.mark.parametrize("folder", ["route_tasks", "submit_task", "runpod_api", "webui_api", "notify"])
def test_the_limit_is_the_environments(dev: Any, everything: Any, folder: str) -> None:
    def setting(templates: Any) -> Any:
        return templates.function(folder).properties["Environment"]["Variables"]["ACTIVE_TASKS_PER_KEY"]

    assert setting(everything) == "20"
    assert setting(dev) == ""


@pytest.mark.parametrize(
    ("folder", "action"),
    [
        ("submit_task", "dynamodb:BatchGetItem"),
        ("runpod_api", "dynamodb:BatchGetItem"),
        ("webui_api", "dynamodb:BatchGetItem"),
        ("notify", "dynamodb:UpdateItem"),
    ],
)
def test_only_a_limit_takes_more_rights(dev: Any, everything: Any, folder: str, action: str) -> None:
    assert rights_of(everything, everything.function(folder)).get(action) == [TABLE]
    assert action not in rights_of(dev, dev.function(folder))
