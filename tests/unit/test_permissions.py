"""The judge of roles against calls sees what it must, and nothing that is not there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.permissions.comparison import differences, recorded_calls
from tests.permissions.recorder import record_calls_of_children

PROJECT = Path(__file__).parents[2]


def test_a_call_that_is_not_allowed_and_a_right_that_nobody_uses_are_found() -> None:
    granted = {"notify": {"sns:Publish", "s3:GetObject"}, "runtime": {"sqs:ReceiveMessage"}}
    called = {"notify": {"sns:Publish", "dynamodb:Query"}}
    assert list(differences(granted, called)) == [
        "notify calls dynamodb:Query, which its role does not allow",
        "notify is allowed s3:GetObject, which no test makes it call",
        "runtime is allowed sqs:ReceiveMessage, which no test makes it call",
    ]


def test_what_aws_does_in_a_functions_name_needs_no_call() -> None:
    granted = {"notify": {"logs:PutLogEvents", "kms:Decrypt", "sqs:ReceiveMessage"}}
    assert list(differences(granted, {"notify": set()})) == []


def test_calls_are_named_as_iam_names_them(tmp_path: Path) -> None:
    (tmp_path / "calls-1.jsonl").write_text(json.dumps(["submit_task", "s3", "HeadObject"]) + "\n")
    (tmp_path / "calls-2.jsonl").write_text(json.dumps(["submit_task", "s3", "PutObject"]) + "\n")
    assert recorded_calls(tmp_path) == {"submit_task": {"s3:GetObject", "s3:PutObject"}}


def test_the_calls_of_processes_that_tests_start_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "")
    record_calls_of_children(tmp_path)
    # The program calls in the name of the agent's task queue, to a port at which nobody listens.
    program = (
        "import boto3, botocore.config, botocore.exceptions\n"
        "from runtime_image.agent.task_queue import TaskQueue\n"
        "once = botocore.config.Config(retries={'total_max_attempts': 1})\n"
        "client = boto3.client('sqs', endpoint_url='http://127.0.0.1:9', config=once)\n"
        "url = 'http://127.0.0.1:9/queue'\n"
        "queue = TaskQueue(client=client, queue_url=url, visibility_timeout_seconds=60, clock=None)\n"
        "queue.delete('receipt')\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, check=False)
    assert recorded_calls(tmp_path) == {"runtime": {"sqs:DeleteMessage"}}
