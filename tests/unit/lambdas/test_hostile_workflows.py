"""Hostile workflows by every way in: none passes, and each refusal names node and input as the sender wrote them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.formats import Format, original_field
from contract.model_errors import MAX_ERRORS
from contract.tenancy import Tenancy
from lambdas.route_tasks.task_router import TaskRouter
from task_store.envelope import Delivery
from tests.harness.workflows import documented_pipeline, documented_workflow
from tests.unit.lambdas.batches import Batches
from tests.unit.lambdas.harness import Harness

#: What replaces or joins the nodes of the documented workflow, the field that is named, and the code.
HOSTILE: dict[str, tuple[dict[str, Any], str, str]] = {
    "ends the worker": ({"20": {"class_type": "VAEDecode"}}, "20.inputs", "invalid_task"),
    "leaves the folder": (
        {"9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "../../models/x"}}},
        "9.inputs.filename_prefix",
        "invalid_task",
    ),
    "reads a file of another task": (
        {"20": {"class_type": "LoadImage", "inputs": {"image": "other-1a2b/secret.png [output]"}}},
        "20.inputs.image",
        "unknown_input",
    ),
    "reads a file by a value that is wrapped": (
        {"20": {"class_type": "LoadImage", "inputs": {"image": {"__value__": "/etc/hostname"}}}},
        "20.inputs.image",
        "unknown_input",
    ),
    "writes a model": ({"20": {"class_type": "CheckpointSave", "inputs": {}}}, "20.class_type", "node_not_allowed"),
    "spends money": ({"20": {"class_type": "GeminiNode", "inputs": {}}}, "20.class_type", "invalid_task"),
    "fills the memory by a number in a text": (
        {"5": {"class_type": "EmptyLatentImage", "inputs": {"width": "99999", "height": 64, "batch_size": 1}}},
        "5.inputs.width",
        "limit_exceeded",
    ),
    "brings a model of its own": (
        {"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "https://models.example/x.ckpt"}}},
        "4.inputs.ckpt_name",
        "unknown_model",
    ),
    "ends the worker by a link that the check of links does not see": (
        {"20": {"class_type": "PreviewAny", "inputs": {"source": {"__value__": ["nothing", 0]}}}},
        "20.inputs.source",
        "invalid_task",
    ),
    "sends options of the server": ({"extra_data": {"extra_pnginfo": {}}}, "extra_data.extra_pnginfo", "invalid_task"),
}
#: Sends a workflow, and returns the `error` object of its refusal.
Send = Callable[[Harness, dict[str, Any]], dict[str, Any]]


def request_of(workflow: dict[str, Any]) -> dict[str, Any]:
    request = documented_pipeline(runtime="comfyui")
    request["task"]["content"] = workflow
    return request


def refusal_of(send: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(InvalidTask) as refused:
        send()
    return refused.value.as_dict()


def by_http(harness: Harness, workflow: dict[str, Any]) -> dict[str, Any]:
    return refusal_of(lambda: harness.submit(request_of(workflow), format_=Format.V1ALPHA2))


def by_the_entry_topic(harness: Harness, workflow: dict[str, Any]) -> dict[str, Any]:
    router = TaskRouter(
        task_bucket=harness.task_bucket,
        submission=harness.submission,
        completion_topic=harness.completion_topic,
        tenancy=Tenancy(),
    )
    router.route(Delivery("m-1", json.dumps(request_of(workflow)), {}))
    ((body, _),) = harness.completion_topic.sent
    error: dict[str, Any] = json.loads(body)["error"]
    return error


def by_runpod(harness: Harness, workflow: dict[str, Any], **images: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"format_": Format.RUNPOD, "runtime_name": "comfyui", "generated_id": "job"}
    return refusal_of(lambda: harness.submit({"input": {"workflow": workflow, **images}}, **options))


def by_a_batch(harness: Harness, workflow: dict[str, Any]) -> dict[str, Any]:
    return refusal_of(lambda: Batches(harness).accept({"id": "b", "tasks": [request_of(workflow)]}))


@pytest.mark.parametrize(
    ("send", "path"),
    [
        (by_http, "task.content."),
        (by_the_entry_topic, "task.content."),
        (by_runpod, "input.workflow."),
        (by_a_batch, "tasks[0].task.content."),
    ],
)
@pytest.mark.parametrize("label", HOSTILE)
def test_no_way_in_lets_a_hostile_workflow_pass(pipelines: Harness, send: Send, path: str, label: str) -> None:
    changes, field, code = HOSTILE[label]
    error = send(pipelines, documented_workflow() | changes)
    assert path + field in {detail["field"] for detail in error["details"]}
    assert error["code"] == code
    assert pipelines.task_topic.sent == []


def reading(count: int) -> dict[str, Any]:
    """Return the inputs of a custom node that reads an image many times."""
    return {f"picture{number}": "a.png" for number in range(count)}


IMAGES: Any = [{"name": "a.png", "image": "iVBORw=="}]


def test_the_images_of_a_node_are_put_in_place_at_once(pipelines: Harness) -> None:
    """32,000 inputs with the name of an image took 3 seconds, because each copied all the others."""
    copied: list[int] = []

    class CountedInputs(dict[str, Any]):
        def __or__(self, other: Any) -> Any:
            copied.append(len(self))
            return CountedInputs(super().__or__(other))

    inputs = CountedInputs(reading(500))
    by_runpod(pipelines, {"1": {"class_type": "Custom", "inputs": inputs}}, images=IMAGES)
    assert copied == [500]


def test_a_record_has_room_for_the_inputs_that_read_images(pipelines: Harness) -> None:
    workflow = {"1": {"class_type": "Custom", "inputs": reading(2000)}}
    error = by_runpod(pipelines, workflow, images=IMAGES)
    assert error["code"] == "limit_exceeded"
    assert {detail["field"] for detail in error["details"]} == {"input.images"}


def test_only_the_errors_that_are_named_are_renamed(pipelines: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """20,000 errors took 9 seconds, because each was compared with every input that reads an image."""
    renamed: list[str] = []

    def counted(field: str, *others: Any) -> str:
        renamed.append(field)
        return original_field(field, *others)

    monkeypatch.setattr("contract.submission.original_field", counted)
    workflow = {"1": {"class_type": "Custom", "inputs": {f"text{number}": "\0" for number in range(1000)}}}
    assert len(by_runpod(pipelines, workflow)["details"]) == MAX_ERRORS
    assert len(renamed) == MAX_ERRORS
