"""The limit of active tasks per key reaches the functions that hold it, with the rights that it takes."""

import pytest

from tests.infrastructure.templates import Templates
from tests.infrastructure.test_functions import rights_of

TABLE = "TaskTable.Arn"


@pytest.mark.parametrize(
    "folder",
    ["route_tasks", "submit_task", "mcp_api", "openai_api", "comfy_api", "runpod_api", "webui_api", "notify"],
)
def test_the_limit_is_the_environments(ecs: Templates, everything: Templates, folder: str) -> None:
    def setting(templates: Templates) -> str:
        return str(templates.function(folder).properties["Environment"]["Variables"]["ACTIVE_TASKS_PER_KEY"])

    assert setting(everything) == ""
    assert setting(ecs) == "200"


@pytest.mark.parametrize(
    ("folder", "action"),
    [
        ("submit_task", "dynamodb:BatchGetItem"),
        ("mcp_api", "dynamodb:BatchGetItem"),
        ("openai_api", "dynamodb:BatchGetItem"),
        ("comfy_api", "dynamodb:BatchGetItem"),
        ("runpod_api", "dynamodb:BatchGetItem"),
        ("webui_api", "dynamodb:BatchGetItem"),
    ],
)
def test_only_a_limit_takes_more_rights(ecs: Templates, everything: Templates, folder: str, action: str) -> None:
    assert rights_of(ecs, ecs.function(folder)).get(action) == [TABLE]
    assert action not in rights_of(everything, everything.function(folder))
