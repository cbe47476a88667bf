"""Comparison of roles with recorded calls: it reports each difference, and no other."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.permissions.comparison import Calls, differences, recorded_calls
from tests.permissions.recorder import record_calls_of_children

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Calls]:
    """Function that runs a program and returns the calls that it made."""
    monkeypatch.setenv("PYTHONPATH", "")
    record_calls_of_children(tmp_path)

    def run(program: str) -> Calls:
        subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, check=False)
        return recorded_calls(tmp_path)

    return run


def test_a_call_that_is_not_allowed_and_a_right_that_nobody_uses_are_found() -> None:
    granted = {"notify": {"sns:Publish", "s3:GetObject"}, "runtime": {"sqs:ReceiveMessage"}}
    calls = Calls({"notify": {"sns:Publish", "dynamodb:Query"}}, {})
    assert list(differences(granted, calls)) == [
        "notify calls dynamodb:Query, which its role does not allow",
        "notify is allowed s3:GetObject, which no test makes it call",
        "runtime is allowed sqs:ReceiveMessage, which no test makes it call",
    ]


def test_what_aws_does_in_a_functions_name_needs_no_call() -> None:
    granted = {"notify": {"logs:PutLogEvents", "kms:Decrypt", "sqs:ReceiveMessage"}}
    assert list(differences(granted, Calls({}, {}))) == []


def test_a_right_is_used_if_a_shared_piece_was_seen_to_use_it_but_only_by_who_has_that_piece() -> None:
    granted = {"notify": {"sns:Publish"}, "authorize": {"sns:Publish"}}
    calls = Calls({}, {"lambdas.messaging.topics": {"sns:Publish"}})
    assert list(differences(granted, calls)) == ["authorize is allowed sns:Publish, which no test makes it call"]


def test_calls_are_named_as_iam_names_them(tmp_path: Path) -> None:
    for number, call in enumerate(
        (
            ["submit_task", "lambdas.tasks.checkpoint_catalogue", "s3", "HeadObject"],
            ["", "lambdas.messaging.topics", "sns", "Publish"],
        )
    ):
        (tmp_path / f"calls-{number}.jsonl").write_text(json.dumps(call) + "\n")
    assert recorded_calls(tmp_path) == Calls(
        {"submit_task": {"s3:GetObject"}},
        {"lambdas.tasks.checkpoint_catalogue": {"s3:GetObject"}, "lambdas.messaging.topics": {"sns:Publish"}},
    )


#: Calls go to a port at which no test listens.
AGENTS_QUEUE = """
import boto3, botocore.config, botocore.exceptions
from runtime_image.agent.core.task_queue import TaskQueue
once = botocore.config.Config(retries={"total_max_attempts": 1})
client = boto3.client("sqs", endpoint_url="http://127.0.0.1:9", config=once)
url = "http://127.0.0.1:9/queue"
queue = TaskQueue(client=client, queue_url=url, visibility_timeout_seconds=60, clock=None)
"""


def test_the_calls_of_processes_that_tests_start_are_recorded(recorded: Callable[[str], Calls]) -> None:
    calls = recorded(AGENTS_QUEUE + "queue.delete('receipt')")
    assert calls.by_component == {"runtime": {"sqs:DeleteMessage"}}


def test_a_step_that_the_simulation_starts_within_an_agents_call_is_not_the_agents(
    recorded: Callable[[str], Calls],
) -> None:
    program = """
import contextlib, random, types
from task_store.active_runs import ActiveRuns
from tests.simulation.world import Schedule, SimulatedClock, Trace
table = boto3.resource("dynamodb", endpoint_url="http://127.0.0.1:9", config=once).meta.client
active_runs = ActiveRuns(client=table, table_name="tasks")
schedule = Schedule(random.Random(1), Trace(SimulatedClock(types.SimpleNamespace(now_ms=0))), lambda step: step())
schedule.add("function", 1, lambda: active_runs.begin("key"))

def others_step(**_):
    with contextlib.suppress(botocore.exceptions.EndpointConnectionError):
        schedule.next()

client.meta.events.register("before-call.sqs", others_step)
queue.delete("receipt")
"""
    calls = recorded(AGENTS_QUEUE + program)
    assert calls.by_component == {"runtime": {"sqs:DeleteMessage"}}
    assert calls.by_module["task_store.table"] == {"dynamodb:PutItem"}
