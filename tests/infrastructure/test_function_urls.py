"""Function URLs: only where the environment sets them, and with the permission to check keys."""

import json

import pytest

from lambdas.http.function_url import GATEWAY_RESPONSE_SECONDS
from local.ports import LARGEST_FIRST_PORT, LocalPorts
from stacks.config import Throttling
from tests.infrastructure.templates import Templates

#: Seconds in which a function reads an answer of 6 MB from S3 and hands it over, after the wait.
LEAST_MARGIN_SECONDS = 2
KEYS = "API_KEY_SECRET_ARNS"
#: Functions with a URL, and the outputs that name it.
WITH_URL = {
    "mcp_api": "McpFunctionUrl",
    "openai_api": "OpenaiFunctionUrl",
    "runpod_api": "RunpodFunctionUrl",
    "webui_api": "WebuiFunctionUrl",
}


def test_without_the_key_no_function_can_be_called_past_the_api(ecs: Templates) -> None:
    assert ecs.resources("AWS::Lambda::Url") == []
    for folder in WITH_URL:
        assert json.loads(ecs.function(folder).properties["Environment"]["Variables"][KEYS]) == {}
    public = [item for item in ecs.resources("AWS::Lambda::Permission") if item.properties["Principal"] == "*"]
    assert public == []


@pytest.mark.parametrize(("folder", "output"), WITH_URL.items())
def test_the_function_at_a_url_waits_for_minutes_and_knows_the_keys(
    everything: Templates, folder: str, output: str
) -> None:
    function = everything.function(folder)
    assert function.properties["Timeout"] == 330
    assert json.loads(everything.flat(function.properties["Environment"]["Variables"][KEYS])).keys() == {
        "shop",
        "batch-producer",
    }
    urls = everything.resources("AWS::Lambda::Url")
    assert f"{function.name}.Arn" in [everything.flat(url.properties["TargetFunctionArn"]) for url in urls]
    assert {url.properties["AuthType"] for url in urls} == {"NONE"}
    assert output in everything.outputs("Api")


def test_the_local_system_has_a_port_for_each_url(everything: Templates) -> None:
    last = len(everything.resources("AWS::Lambda::Url")) - 1
    assert LocalPorts(first=LARGEST_FIRST_PORT).function_url(last) == 65_535


def test_nobody_can_call_a_function_but_through_its_url_or_the_api(everything: Templates) -> None:
    for permission in everything.resources("AWS::Lambda::Permission"):
        properties = permission.properties
        if properties["Principal"] == "*":
            assert properties.get("FunctionUrlAuthType") == "NONE" or properties.get("InvokedViaFunctionUrl") is True


@pytest.mark.parametrize("folder", WITH_URL)
def test_those_who_wait_leave_the_other_functions_theirs(ecs: Templates, everything: Templates, folder: str) -> None:
    assert everything.function(folder).properties["ReservedConcurrentExecutions"] == 40
    assert "ReservedConcurrentExecutions" not in ecs.function(folder).properties
    others = [item for item in everything.resources("AWS::Lambda::Function") if item.properties.get("Timeout") != 330]
    assert all("ReservedConcurrentExecutions" not in item.properties for item in others)
    reserved = [
        item.properties.get("ReservedConcurrentExecutions", 0) for item in everything.resources("AWS::Lambda::Function")
    ]
    assert sum(reserved) == Throttling(waiting_calls=40).reserved_concurrency


def test_behind_the_gateway_the_answer_comes_before_the_function_ends() -> None:
    from stacks.constructs.functions.task_function import HTTP_TIMEOUT_SECONDS  # noqa: PLC0415  # starts Node

    assert GATEWAY_RESPONSE_SECONDS <= HTTP_TIMEOUT_SECONDS - LEAST_MARGIN_SECONDS
