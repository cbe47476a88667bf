"""Comparison of roles with recorded calls: it reports each difference, and no other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.permissions.comparison import Calls, differences, recorded_calls
from tests.permissions.recorder import record_calls_of_children

PROJECT = Path(__file__).parents[2]


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


def test_the_calls_of_processes_that_tests_start_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "")
    record_calls_of_children(tmp_path)
    # The program calls in the name of the agent's task queue, to a port at which no test listens.
    program = (
        "import boto3, botocore.config, botocore.exceptions\n"
        "from runtime_image.agent.core.task_queue import TaskQueue\n"
        "once = botocore.config.Config(retries={'total_max_attempts': 1})\n"
        "client = boto3.client('sqs', endpoint_url='http://127.0.0.1:9', config=once)\n"
        "url = 'http://127.0.0.1:9/queue'\n"
        "queue = TaskQueue(client=client, queue_url=url, visibility_timeout_seconds=60, clock=None)\n"
        "queue.delete('receipt')\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, check=False)
    assert recorded_calls(tmp_path).by_component == {"runtime": {"sqs:DeleteMessage"}}
