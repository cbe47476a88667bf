"""Functions under AWS's own runtime client, in separate processes."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.lambda_runtime.function import MAX_PROCESSES, LambdaFunction, PayloadTooLarge
from local.lambda_runtime.runtime_api import InvocationResult
from tests.harness.function_runner import FunctionRunner

CODE = """
import os, time

count = 0

def handler(event, context):
    global count
    count += 1
    print("line of", context.aws_request_id)
    if "raise" in event:
        raise ValueError(event["raise"])
    if "exit" in event:
        os._exit(event["exit"])
    time.sleep(event.get("sleep", 0))
    return {
        "echo": event,
        "count": count,
        "pid": os.getpid(),
        "own": os.environ["OWN"],
        "inherited": os.environ.get("INHERITED"),
        "remaining": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn,
    }
"""


@pytest.fixture(autouse=True)
def _code(write_function: Callable[[str], None]) -> None:
    write_function(CODE)


def value(answer: InvocationResult) -> Any:
    assert not answer.is_error, answer.payload
    return json.loads(answer.payload)


def error_type(answer: InvocationResult) -> str:
    assert answer.is_error
    return str(json.loads(answer.payload)["errorType"])


def test_an_event_its_context_and_a_process_that_is_kept(
    run_function: FunctionRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INHERITED", "from the test")

    async def scenario(function: LambdaFunction) -> list[InvocationResult]:
        return [await function.invoke({"text": "ä\n"}) for _ in range(2)]

    first, second = map(value, run_function(scenario))
    assert first["echo"] == {"text": "ä\n"}
    assert first["own"] == "variable"
    assert first["inherited"] is None
    assert 9_000 < first["remaining"] <= 10_000
    assert first["arn"].endswith(":function:function")
    assert (first["count"], second["count"]) == (1, 2)
    assert first["pid"] == second["pid"]
    assert "line of" in (tmp_path / "function.log").read_text()


def test_an_exception_is_an_answer_and_the_process_lives_on(run_function: FunctionRunner) -> None:
    async def scenario(function: LambdaFunction) -> list[InvocationResult]:
        return [await function.invoke(event) for event in ({}, {"raise": "no luck"}, {})]

    before, failed, after = run_function(scenario)
    assert json.loads(failed.payload)["errorMessage"] == "no luck"
    assert error_type(failed) == "ValueError"
    assert value(after)["count"] == 3
    assert value(after)["pid"] == value(before)["pid"]


def test_a_crash_and_a_time_out_end_the_process_but_not_the_function(run_function: FunctionRunner) -> None:
    async def scenario(function: LambdaFunction) -> list[InvocationResult]:
        events: tuple[dict[str, Any], ...] = ({"exit": 3}, {}, {"sleep": 600}, {})
        return [await function.invoke(event) for event in events]

    crashed, after_crash, timed_out, after_time_out = run_function(scenario, timeout_seconds=0.5)
    assert error_type(crashed) == "Runtime.ExitError"
    assert error_type(timed_out) == "Sandbox.Timedout"
    assert value(after_crash)["count"] == value(after_time_out)["count"] == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("raise RuntimeError('at import')", "RuntimeError"),
        ("def handler(:", "Runtime.UserCodeSyntaxError"),
        ("nothing = 1", "Runtime.HandlerNotFound"),
    ],
)
def test_a_function_that_cannot_start_says_why(
    run_function: FunctionRunner, write_function: Callable[[str], None], code: str, expected: str
) -> None:
    write_function(code)

    async def scenario(function: LambdaFunction) -> InvocationResult:
        return await function.invoke({})

    assert error_type(run_function(scenario)) == expected


def test_more_processes_are_started_when_all_are_busy_up_to_the_limit(run_function: FunctionRunner) -> None:
    async def scenario(function: LambdaFunction) -> list[InvocationResult]:
        return list(await asyncio.gather(*(function.invoke({"sleep": 0.3}) for _ in range(MAX_PROCESSES + 2))))

    assert len({value(answer)["pid"] for answer in run_function(scenario)}) == MAX_PROCESSES


def test_reserved_concurrency_of_one_is_kept(run_function: FunctionRunner) -> None:
    async def scenario(function: LambdaFunction) -> list[InvocationResult]:
        return list(await asyncio.gather(*(function.invoke({"sleep": 0.1}) for _ in range(3))))

    answers = run_function(scenario, max_concurrency=1)
    assert len({value(answer)["pid"] for answer in answers}) == 1


def test_lambdas_limit_of_six_megabytes(run_function: FunctionRunner, write_function: Callable[[str], None]) -> None:
    write_function("def handler(event, context):\n    return 'x' * event['answer']")

    async def scenario(function: LambdaFunction) -> list[InvocationResult]:
        with pytest.raises(PayloadTooLarge):
            await function.invoke({"text": "x" * 6 * 1024 * 1024})
        return [await function.invoke({"answer": size}) for size in (5 * 1024 * 1024, 6 * 1024 * 1024)]

    fits, does_not = run_function(scenario)
    assert len(value(fits)) == 5 * 1024 * 1024
    assert error_type(does_not) == "Function.ResponseSizeTooLarge"
