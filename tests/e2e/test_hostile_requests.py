"""Hostile requests through the whole local system: each is refused with its field, and none reaches a Web UI."""

import json

import httpx
import pytest

from contract import runpod
from contract.task import TaskType
from tests.harness.hostile_requests import HOSTILE_REQUESTS, HostileRequest, in_buckets
from tests.harness.local_system import System

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system"), pytest.mark.timeout(600)]

#: Bytes of a message that the entry topic accepts.
MAX_MESSAGE_BYTES = 256 * 1024
Requests = list[HostileRequest]


@pytest.fixture(scope="module")
def refused(system: System) -> Requests:
    """Return the requests that must be refused, with the buckets of the system."""
    buckets = {name: system.endpoints[name] for name in ("task_bucket", "output_bucket")}
    return [in_buckets(request, **buckets) for request in HOSTILE_REQUESTS if request.field is not None]


def body_of(request: HostileRequest) -> dict[str, object]:
    metadata = {"id": request.task_id, "runtime": "sdruntime", "tasktype": request.tasktype}
    return {"metadata": metadata, "content": request.content}


def endpoint_of(request: HostileRequest) -> str:
    return runpod.ENDPOINT_OF_TASKTYPE[TaskType(request.tasktype)]


def test_by_http(system: System, refused: Requests) -> None:
    wrong = []
    for request in refused:
        response = system.http("POST", "/v1alpha2", json=body_of(request))
        fields = [detail["field"] for detail in response.json()["error"].get("details", ())]
        if response.status_code != 400 or f"content.{request.field}" not in fields:
            wrong.append((request.label, response.status_code, fields))
    assert wrong == []


def test_by_runpod(system: System, refused: Requests) -> None:
    wrong = []
    for request in refused:
        api = {"method": "POST", "endpoint": f"/{endpoint_of(request)}"}
        response = system.http("POST", "/v2/sdruntime/run", json={"input": {"api": api, "payload": request.content}})
        fields = [detail["field"] for detail in response.json()["error"].get("details", ())]
        if response.status_code != 400 or f"input.payload.{request.field}" not in fields:
            wrong.append((request.label, response.status_code, fields))
    assert wrong == []


def test_by_the_bridge(system: System, refused: Requests) -> None:
    wrong = []
    for request in refused:
        response = system.http("POST", f"/{endpoint_of(request)}", json=request.content)
        fields = [".".join(entry["loc"]) for entry in response.json()["detail"]]
        if response.status_code != 422 or f"body.{request.field}" not in fields:
            wrong.append((request.label, response.status_code, fields))
    assert wrong == []


def test_by_openai(system: System, refused: Requests) -> None:
    texts = [request for request in refused if request.tasktype == TaskType.TEXT_TO_IMAGE]
    assert len(texts) > len(refused) // 2
    wrong = []
    for request in texts:
        response = system.http("POST", "/v1/images/generations", json={"prompt": "a dog"} | request.content)
        error = response.json()["error"]
        # OpenAI's form has one `param`, and the message names every broken field.
        if response.status_code != 400 or f"{request.field}: " not in error["message"]:
            wrong.append((request.label, response.status_code, error))
    assert wrong == []


def test_by_the_entry_topic(system: System, refused: Requests) -> None:
    small = [request for request in refused if len(json.dumps(body_of(request))) < MAX_MESSAGE_BYTES]
    assert len(small) > len(refused) // 2
    sent = [(request, system.publish(json.dumps({"task": body_of(request)}))) for request in small]
    wrong = []
    for request, message_id in sent:
        error = system.callback(message_id=message_id)["error"]
        if f"task.content.{request.field}" not in [detail["field"] for detail in error["details"]]:
            wrong.append((request.label, error))
    assert wrong == []


def test_no_hostile_argument_has_reached_a_web_ui(system: System) -> None:
    for runtime in ("sdruntime", "dynamic"):
        url = system.endpoints["runtimes"][runtime]["engine_url"]
        assert httpx.get(f"{url}/violations", timeout=60).json() == []
