"""Batches over the gateway: expanded, run, counted, and reported once by callback and signed webhook."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from standardwebhooks import Webhook

from cli.main import main
from tests.harness.local_system import SLOW, System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]


def task(prompt: str, task_id: str | None = None, /, **content: Any) -> dict[str, Any]:
    metadata = {"runtime": "sdruntime", "tasktype": "text-to-image"} | ({"id": task_id} if task_id else {})
    return {
        "task": {"metadata": metadata, "content": {"prompt": prompt, "steps": 1, "width": 64, "height": 64} | content}
    }


def ended(system: System, batch_id: str) -> dict[str, Any]:
    def poll() -> dict[str, Any] | None:
        batch: dict[str, Any] = system.http("GET", f"/v1alpha2/batches/{batch_id}").json()
        return batch if batch["status"] != "IN_PROGRESS" else None

    return system.eventually(poll, f"the end of batch {batch_id}")


def test_a_batch_runs_and_reports_its_end_once(system: System) -> None:
    webhook = system.receiver.url("/batch")
    lines = "\n".join(
        json.dumps(each) for each in (task("A {red|blue} star", "star"), task("A cat", sampler_name="None"))
    )
    query = {"id": "shapes", "expand": "true", "callback": "true", "webhook": webhook}
    headers = {"content-type": "application/x-ndjson"}
    accepted = system.http("POST", "/v1alpha2/batches", params=query, headers=headers, content=lines)
    assert accepted.status_code == 202, accepted.text

    batch = ended(system, "shapes")
    assert (batch["status"], batch["submitted"], batch["progress"]) == ("FAILED", 3, 1)
    assert (batch["counts"]["completed"], batch["counts"]["failed"]) == (2, 1)
    failed = system.http("GET", "/v1alpha2/batches/shapes/tasks?state=failed").json()["tasks"]
    # The third task after the expansion is the second line.
    assert [(each["number"], each["id"]) for each in failed] == [(3, "shapes-3")]
    callback = system.callback(id="shapes", tasktype="batch")
    assert callback["counts"] == batch["counts"]
    assert system.callback(id="star-1")["batch"] == "shapes"
    [request] = system.eventually(lambda: system.receiver.of("/batch"), "the webhook of the batch")
    assert Webhook(system.endpoints["webhook_secret"]).verify(request.body, request.headers) == callback
    system.eventually(
        lambda: system.http("GET", "/v1alpha2/batches/shapes").json()["webhook"]["state"] == "delivered",
        "the trace of the delivery",
    )

    retry = system.http("POST", "/v1alpha2/batches/shapes/retry").json()
    assert (retry["id"], retry["retry_of"], retry["tasks"]) == ("shapes-r1", "shapes", 1)
    assert ended(system, "shapes-r1")["status"] == "FAILED"
    assert [each["id"] for each in system.http("GET", "/v1alpha2/batches?limit=2").json()["batches"]] == [
        "shapes-r1",
        "shapes",
    ]


def test_a_cancel_ends_running_and_waiting_tasks(system: System) -> None:
    body = {"id": "unwanted", "tasks": [task("A dog", **SLOW) for _ in range(3)]}
    assert system.http("POST", "/v1alpha2/batches", json=body).status_code == 202
    assert system.http("DELETE", "/v1alpha2/batches/unwanted").status_code == 202
    batch = ended(system, "unwanted")
    assert (batch["status"], batch["counts"]["cancelled"]) == ("CANCELLED", 3)


def test_every_broken_line_is_named_and_nothing_is_submitted(system: System) -> None:
    lines = "\n".join(
        json.dumps(each) for each in (task("A dog", "fine"), task("A dog", "../no"), task("A dog", steps=10**6))
    )
    headers = {"content-type": "application/x-ndjson"}
    refused = system.http("POST", "/v1alpha2/batches?id=broken", headers=headers, content=lines)
    assert refused.status_code == 400
    fields = [detail["field"] for detail in refused.json()["error"]["details"]]
    assert fields == ["line 2: task.metadata.id", "line 3: task.content.steps"]
    assert system.task("fine") is None
    assert system.http("GET", "/v1alpha2/batches/broken").status_code == 404


def test_the_command_shows_one_bar_for_all_tasks(system: System) -> None:
    lines = "\n".join(json.dumps(task(f"A dog {number}")) for number in range(3))
    arguments = ["--state-dir", str(system.state_directory), "batch"]
    submitted = CliRunner().invoke(main, [*arguments, "submit", "-", "--id", "dogs", "--wait"], input=lines)
    assert submitted.exit_code == 0, submitted.stderr
    assert "3: 3 completed" in submitted.stdout
    assert "dogs: 100% 3 completed" in submitted.stderr
    listed = CliRunner().invoke(main, [*arguments, "list", "--limit", "1", "--json"])
    assert [batch["id"] for batch in json.loads(listed.stdout)["batches"]] == ["dogs"]
    again = CliRunner().invoke(main, [*arguments, "retry", "dogs"])
    assert (again.exit_code, "no task that failed" in again.stderr) == (3, True)
