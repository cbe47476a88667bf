"""Hostile requests by every way in: none passes, none costs time, and each refusal names the field as it was sent."""

import base64
import gc
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from contract import runpod
from contract.errors import FieldError, InvalidTask
from contract.formats import Format
from contract.task import TaskType
from contract.tenancy import Tenancy
from lambdas.http.forms import MAX_FIELD_BYTES
from lambdas.mcp_api.arguments import EditImageArguments, GenerateImageArguments
from lambdas.openai_api.image_request import ImageCall, ImageCallKind, parse_call
from lambdas.route_tasks.task_router import TaskRouter
from task_store.envelope import Delivery
from tests.harness.hostile_requests import HOSTILE_REQUESTS, PICTURE, HostileRequest
from tests.unit.lambdas.batches import Batches
from tests.unit.lambdas.harness import Harness
from tests.unit.lambdas.test_mcp_tools import Tools
from tests.unit.lambdas.test_openai_images import FORM, Images, form
from tests.unit.lambdas.test_runpod_api import Runpod
from tests.unit.lambdas.test_webui_bridge import Client

#: Seconds of processor time that a function may use for one request.
MAX_PROCESSOR_SECONDS = 3


class Refusal(NamedTuple):
    """What a sender hears: the code, and the paths of the fields."""

    code: str
    fields: frozenset[str]


ACCEPTED = Refusal("", frozenset())
#: Sends one request; raises a DarkroomError, or returns the refusal.
Send = Callable[[HostileRequest], Refusal]


def newer_body(request: HostileRequest) -> dict[str, Any]:
    metadata = {"id": request.task_id, "runtime": "sdruntime", "tasktype": request.tasktype}
    return {"metadata": metadata, "content": request.content}


def by_http(harness: Harness) -> Send:
    def send(request: HostileRequest) -> Refusal:
        harness.submit(newer_body(request), format_=Format.V1ALPHA2)
        return ACCEPTED

    return send


def by_http_in_the_older_format(harness: Harness) -> Send:
    def send(request: HostileRequest) -> Refusal:
        given = request.content.get("alwayson_scripts", {})
        keys = {"task": request.tasktype, "id_task": request.task_id, "sd_model_checkpoint": "v1-5-pruned-emaonly"}
        # A body without an object there is not of this format.
        scripts = given | keys if isinstance(given, dict) else given
        harness.submit(request.content | {"alwayson_scripts": scripts}, format_=Format.V1ALPHA1)
        return ACCEPTED

    return send


def by_the_entry_topic(harness: Harness) -> Send:
    router = TaskRouter(
        task_bucket=harness.task_bucket,
        submission=harness.submission,
        completion_topic=harness.completion_topic,
        tenancy=Tenancy(),
    )

    def send(request: HostileRequest) -> Refusal:
        router.route(Delivery("m-1", json.dumps({"task": newer_body(request)}), {}))
        if not harness.completion_topic.sent:
            return ACCEPTED
        body, _ = harness.completion_topic.sent.pop()
        return refusal_of(json.loads(body)["error"])

    return send


def by_runpod(harness: Harness) -> Send:
    client = Runpod(harness)

    def send(request: HostileRequest) -> Refusal:
        api = {"method": "POST", "endpoint": f"/{endpoint_of(request)}"}
        client.run({"input": {"api": api, "payload": request.content}})
        return ACCEPTED

    return send


def by_the_bridge(harness: Harness) -> Send:
    harness.s3.create_bucket(Bucket="out")
    client = Client(harness)

    def send(request: HostileRequest) -> Refusal:
        answer = client.call("POST", f"/{endpoint_of(request)}", request.content)
        if answer.status == 200:
            return ACCEPTED
        entries = answer.body["detail"]
        errors = [FieldError(".".join(entry["loc"]), entry["msg"], entry["type"]) for entry in entries]
        return refusal_of(InvalidTask(errors).as_dict())

    return send


def by_openai(harness: Harness) -> Send:
    images = Images(harness)

    def send(request: HostileRequest) -> Refusal:
        images.submit(call_of(request))
        return ACCEPTED

    return send


def call_of(request: HostileRequest) -> ImageCall:
    """Return the call with this content: a form next to a picture if the task needs one, otherwise JSON."""
    content = {"prompt": "a dog"} | request.content
    if request.tasktype == TaskType.TEXT_TO_IMAGE:
        return parse_call(ImageCallKind.GENERATIONS, json.dumps(content), "application/json")
    fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in content.items()}
    return parse_call(ImageCallKind.EDITS, form({"image": base64.b64decode(PICTURE)}, **fields), FORM)


def by_a_batch(harness: Harness) -> Send:
    batches = Batches(harness)

    def send(request: HostileRequest) -> Refusal:
        batches.accept({"id": request.task_id, "tasks": [{"task": newer_body(request)}]})
        return ACCEPTED

    return send


def by_an_assistant(harness: Harness) -> Send:
    tools = Tools(harness)

    def send(request: HostileRequest) -> Refusal:
        content = {"prompt": "a dog"} | request.content
        if request.tasktype == TaskType.TEXT_TO_IMAGE:
            tools.call("generate_image", **content)
        else:
            tools.call("edit_image", image=content.pop("init_images")[0], **content)
        return ACCEPTED

    return send


def endpoint_of(request: HostileRequest) -> str:
    return runpod.ENDPOINT_OF_TASKTYPE[TaskType(request.tasktype)]


def refusal_of(error: dict[str, Any]) -> Refusal:
    return Refusal(error["code"], frozenset(detail["field"] for detail in error["details"]))


#: The ways in, and the path of a request's content as the sender of each wrote it.
WAYS: dict[Callable[[Harness], Send], str] = {
    by_http: "content.",
    by_http_in_the_older_format: "",
    by_the_entry_topic: "task.content.",
    by_runpod: "input.payload.",
    by_the_bridge: "body.",
    by_openai: "",
    by_a_batch: "tasks[0].task.content.",
    by_an_assistant: "",
}


def requests_of(way: Callable[[Harness], Send]) -> list[HostileRequest]:
    """Return the requests that a way can carry.

    OpenAI's API and tools have two kinds of tasks. Forms have small fields, and tools have few, with one picture.
    """
    texts = [request for request in HOSTILE_REQUESTS if request.tasktype == TaskType.TEXT_TO_IMAGE]
    images = [request for request in HOSTILE_REQUESTS if request.tasktype == TaskType.IMAGE_TO_IMAGE]
    if way is by_openai:
        return texts + [each for each in images if len(json.dumps(each.content)) < MAX_FIELD_BYTES]
    if way is by_an_assistant:
        carried = [each for each in texts if each.content.keys() <= GenerateImageArguments.model_fields.keys()]
        edits = EditImageArguments.model_fields.keys() | {"init_images"}
        for each in images:
            pictures = each.content.get("init_images")
            if each.content.keys() <= edits and isinstance(pictures, list) and len(pictures) == 1:
                field = each.field and each.field.replace("init_images[0]", "image")
                carried.append(replace(each, field=field))
        return carried
    return list(HOSTILE_REQUESTS)


@pytest.fixture
def no_collection() -> Iterator[None]:
    """A collection of a test process's whole heap takes seconds, and would count for the request that it meets."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
@pytest.mark.parametrize(("way", "path"), WAYS.items(), ids=[way.__name__ for way in WAYS])
def test_no_way_in_lets_a_hostile_request_pass(harness: Harness, way: Callable[[Harness], Send], path: str) -> None:
    send, wrong = way(harness), {}
    for request in requests_of(way):
        before = time.thread_time()
        try:
            refusal = send(request)
        except InvalidTask as error:
            refusal = refusal_of(error.as_dict())
        seconds = time.thread_time() - before
        if request.field is None:
            is_right = refusal is ACCEPTED
        else:
            is_right = refusal.code == request.code and f"{path}{request.field}" in refusal.fields
        if not is_right or seconds > MAX_PROCESSOR_SECONDS:
            wrong[request.label] = (refusal, seconds)
    assert wrong == {}
