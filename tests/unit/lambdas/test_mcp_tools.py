"""Tools of the Model Context Protocol: the tasks that their calls become, and what an assistant reads."""

import base64
import io
import json
import random
from typing import Any

import pytest
from mcp_types import CallToolResult, ImageContent, ResourceLink, TextContent
from PIL import Image

from contract.errors import InvalidTask, MessageTooLarge, TaskFinished, TaskNotFound
from contract.model_errors import MAX_ERRORS
from contract.record import Status
from contract.tenancy import SHARED, Tenant
from contract.transitions import Outcome
from lambdas.http.application import Caller
from lambdas.mcp_api import task_result
from lambdas.mcp_api.arguments import (
    EditImageArguments,
    GenerateImageArguments,
    GetTaskArguments,
    ListTasksArguments,
    NoArguments,
    ToolArguments,
    read_arguments,
)
from lambdas.mcp_api.pictures import MAX_BYTES, scaled_down
from lambdas.mcp_api.tools import TOOLS, AssistantTools, ToolCall
from lambdas.tasks.queue_place import MAX_AGE_MS
from tests.unit.lambdas.harness import Harness

DONE = Outcome(Status.COMPLETED, image_urls=("s3://output-bucket/mcp/1.png", "s3://output-bucket/mcp/2.png"))
SHOP, OTHER = Tenant("shop"), Tenant("other")


def picture(width: int, height: int, kind: str = "PNG", mode: str = "RGB") -> bytes:
    """Return a picture of noise, which no format makes small."""
    image = Image.new(mode, (width, height))
    size = width * height * len(image.getbands())
    image.frombytes(random.Random(1).randbytes(size))  # noqa: S311 - the noise is no secret
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


class Tools:
    """Calls of one caller; the harness is the clock, and each pause runs the next of `during`."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.during: list[Any] = []
        self.numbers = iter(range(1, 100))
        tasks = harness.tasks(clock=self.seconds, sleep=self.sleep)
        self.tools = AssistantTools(tasks=tasks, new_id=lambda: str(next(self.numbers)))

    def seconds(self) -> float:
        return self.harness.now_ms / 1000

    def sleep(self, seconds: float) -> None:
        self.harness.now_ms += int(seconds * 1000) + 1
        if self.during:
            self.during.pop(0)()

    def call(self, name: str, tenant: Tenant = SHARED, /, **arguments: Any) -> CallToolResult:
        caller = Caller(f"r-{self.harness.now_ms}", "shop", tenant)
        self.harness.now_ms += 1
        return self.tools.call(name, arguments, ToolCall(caller, 5))

    def finish(self, outcome: Outcome = DONE) -> None:
        self.harness.claim("mcp-1")
        self.harness.finish("mcp-1", outcome)


@pytest.fixture
def tools(harness: Harness) -> Tools:
    for number in (1, 2):
        harness.s3.put_object(Bucket="output-bucket", Key=f"mcp/{number}.png", Body=picture(64, 64))
    return Tools(harness)


def test_each_tool_has_a_strict_schema_and_a_description() -> None:
    assert [tool.name for tool in TOOLS] == [
        "generate_image",
        "edit_image",
        "get_task",
        "list_tasks",
        "cancel_task",
        "list_runtimes",
        "list_models",
    ]
    for tool in TOOLS:
        assert tool.description
        assert tool.input_schema["additionalProperties"] is False
        for name, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), (tool.name, name)


def test_an_assistant_knows_which_tools_change_something() -> None:
    hints = {tool.name: tool.annotations.model_dump(exclude_none=True) for tool in TOOLS if tool.annotations}
    making = {"read_only_hint": False, "destructive_hint": False, "idempotent_hint": False, "open_world_hint": False}
    assert (hints.pop("generate_image"), hints.pop("edit_image")) == (making, making)
    assert hints.pop("cancel_task") == making | {"destructive_hint": True, "idempotent_hint": True}
    assert list(hints.values()) == [making | {"read_only_hint": True, "idempotent_hint": True}] * 4


def test_a_picture_is_a_task_whose_id_comes_at_once(tools: Tools) -> None:
    result = tools.call("generate_image", prompt="A dog", negative_prompt="cat", width=512, steps=8, seed=7, count=2)
    shown = result.structured_content
    assert (shown["task_id"], shown["status"], result.is_error) == ("mcp-1", "IN_QUEUE", False)
    assert "get_task" in shown["hint"]
    ((body, _),) = tools.harness.task_topic.sent
    task = json.loads(body)["task"]
    assert task["metadata"]["tasktype"] == "text-to-image"
    asked = {"prompt": "A dog", "negative_prompt": "cat", "width": 512, "steps": 8, "seed": 7, "n_iter": 2}
    assert asked.items() <= task["content"].items()
    assert tools.harness.record("mcp-1").key_name == "shop"


def test_a_waiting_task_shows_its_place_and_a_running_one_has_none(tools: Tools) -> None:
    shown = [tools.call("generate_image", prompt=prompt).structured_content for prompt in ("A dog", "A cat")]
    assert [each["queue_position"] for each in shown] == [1, 2]
    tools.harness.claim("mcp-1")
    tools.harness.now_ms += MAX_AGE_MS + 1
    first, second = (tools.call("get_task", task_id=f"mcp-{number}").structured_content for number in (1, 2))
    assert ("queue_position" in first, second["queue_position"]) == (False, 1)


def test_the_start_of_a_waiting_task_is_estimated(tools: Tools) -> None:
    for number in range(1, 4):
        tools.call("generate_image", prompt="A dog")
        tools.harness.claim(f"mcp-{number}")
        tools.harness.now_ms += 10_000
        tools.harness.finish(f"mcp-{number}", DONE)
    tools.call("generate_image", prompt="A dog")
    tools.harness.claim("mcp-4")
    waiting = tools.call("generate_image", prompt="A dog").structured_content
    assert waiting["estimated_start_at"] > waiting["submitted_at"]


def test_a_model_of_a_runtime_that_loads_any(tools: Tools) -> None:
    tools.call("generate_image", prompt="A dog", runtime="dynamic", model="painting")
    assert tools.harness.record("mcp-1").checkpoint == "painting.safetensors"


def test_waiting_brings_the_pictures_their_links_and_their_resources(tools: Tools) -> None:
    tools.during = [tools.finish]
    result = tools.call("generate_image", prompt="A dog", wait_seconds=300)
    text, first, second, *links = result.content
    assert isinstance(text, TextContent)
    assert json.loads(text.text) == result.structured_content
    for shown in (first, second):
        assert isinstance(shown, ImageContent)
        assert (shown.mime_type, Image.open(io.BytesIO(base64.b64decode(shown.data))).size) == ("image/png", (64, 64))
    uris = ["darkroom://tasks/mcp-1/images/1", "darkroom://tasks/mcp-1/images/2"]
    assert [link.uri for link in links if isinstance(link, ResourceLink)] == uris
    images = result.structured_content["images"]
    assert [image["resource"] for image in images] == uris
    assert all("Signature=" in image["url"] for image in images)


def test_a_wait_ends_with_the_time_of_the_answer(tools: Tools) -> None:
    began = tools.harness.now_ms
    assert tools.call("generate_image", prompt="A dog", wait_seconds=300).structured_content["status"] == "IN_QUEUE"
    assert 5_000 <= tools.harness.now_ms - began < 10_000


def test_pictures_beyond_the_room_of_an_answer_stay_links(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_result, "MAX_SHOWN_BYTES", 20_000)
    tools.call("generate_image", prompt="A dog", count=2)
    tools.finish()
    content = tools.call("get_task", task_id="mcp-1").content
    assert [type(block) for block in content] == [TextContent, ImageContent, TextContent, ResourceLink, ResourceLink]


def test_a_picture_that_was_deleted_is_named_and_the_others_are_shown(tools: Tools) -> None:
    tools.call("generate_image", prompt="A dog", count=2)
    tools.finish()
    tools.harness.s3.delete_object(Bucket="output-bucket", Key="mcp/1.png")
    blocks = tools.call("get_task", task_id="mcp-1").content
    assert isinstance(blocks[1], TextContent)
    assert "was deleted" in blocks[1].text
    assert isinstance(blocks[2], ImageContent)


@pytest.mark.parametrize("image", ["darkroom://tasks/mcp-1/images/2", "https://example.org/cat.png"])
def test_an_edit_begins_with_a_finished_picture_or_a_link(tools: Tools, image: str) -> None:
    tools.call("generate_image", prompt="A dog", count=2)
    tools.finish()
    edited = tools.call("edit_image", prompt="A cat", image=image, denoising_strength=0.5)
    task = json.loads(tools.harness.task_topic.sent[-1][0])["task"]
    assert (edited.structured_content["task_id"], task["metadata"]["tasktype"]) == ("mcp-2", "image-to-image")
    stored = {"darkroom://tasks/mcp-1/images/2": DONE.image_urls[1]}
    assert task["content"]["init_images"] == [stored.get(image, image)]
    assert task["content"]["denoising_strength"] == 0.5


@pytest.mark.parametrize(
    ("model", "arguments", "field", "message"),
    [
        (GenerateImageArguments, {}, "prompt", "is required"),
        (GenerateImageArguments, {"prompt": "A dog", "heigth": 5}, "heigth", "is not an argument of this tool"),
        (GenerateImageArguments, {"prompt": "A dog", "count": 9}, "count", "write 8 or less"),
        (GenerateImageArguments, {"prompt": "A dog", "wait_seconds": 301}, "wait_seconds", "write 300 or less"),
        (GenerateImageArguments, {"prompt": "A dog", "wait_seconds": -1}, "wait_seconds", "write 0 or more"),
        (EditImageArguments, {"prompt": "A dog", "image": "x", "mask": 5}, "mask", "write text"),
        (GetTaskArguments, {}, "task_id", "is required"),
        (ListTasksArguments, {"status": "DONE"}, "status", "write 'IN_QUEUE'"),
        (NoArguments, {"all": True}, "all", "its arguments are: none"),
    ],
)
def test_a_broken_argument_is_named_with_what_to_write(
    model: type[ToolArguments], arguments: dict[str, Any], field: str, message: str
) -> None:
    with pytest.raises(InvalidTask) as refused:
        read_arguments(model, arguments)
    (detail,) = refused.value.details
    assert detail.field == field
    assert message in detail.message


def test_many_broken_arguments_fit_into_an_answer() -> None:
    with pytest.raises(InvalidTask) as refused:
        read_arguments(NoArguments, {f"argument-{number}": 1 for number in range(MAX_ERRORS + 1)})
    assert len(refused.value.details) == MAX_ERRORS


def test_the_edges_errors_name_the_arguments_too(tools: Tools) -> None:
    broken: list[tuple[str, dict[str, Any], str, str]] = [
        ("generate_image", {"width": 4096}, "width", "is 4096; this runtime accepts"),
        ("generate_image", {"runtime": "none"}, "runtime", "configured: dynamic, sdruntime"),
        ("generate_image", {"runtime": "dynamic", "model": "none"}, "model", "none"),
        ("generate_image", {"runtime": "dynamic"}, "model", "is required"),
        ("edit_image", {"image": "cat.png"}, "image", "base64"),
        ("edit_image", {"image": "darkroom://tasks/none/images/1"}, "image", "there is no task 'none'"),
    ]
    for name, arguments, field, message in broken:
        with pytest.raises(InvalidTask) as refused:
            tools.call(name, prompt="A dog", **arguments)
        (detail,) = refused.value.details
        assert (detail.field, message in detail.message) == (field, True), detail
    with pytest.raises(InvalidTask, match="runtime: there is no runtime 'none'"):
        tools.call("list_models", runtime="none")
    assert not tools.harness.task_topic.sent


@pytest.mark.parametrize(("name", "more"), [("generate_image", {"prompt": "A dog"}), ("list_models", {})])
def test_a_runtime_of_workflows_is_refused_as_the_runtime(pipelines: Harness, name: str, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidTask) as refused:
        Tools(pipelines).call(name, runtime="comfyui", **more)
    (detail,) = refused.value.details
    assert (detail.field, "runtime comfyui is a ComfyUI" in detail.message) == ("runtime", True)


def test_a_failed_task_is_an_error_with_the_arguments_names(tools: Tools) -> None:
    tools.call("generate_image", prompt="A dog")
    details = [{"field": "task.content.n_iter", "message": "is 8; at most 4"}]
    tools.finish(Outcome(Status.FAILED, error={"code": "limit_exceeded", "message": "m", "details": details}))
    result = tools.call("get_task", task_id="mcp-1")
    assert result.is_error
    error = result.structured_content["error"]
    assert (error["code"], error["message"]) == ("limit_exceeded", "count: is 8; at most 4")


def test_a_task_is_cancelled_once(tools: Tools) -> None:
    tools.call("generate_image", prompt="A dog")
    assert tools.call("cancel_task", task_id="mcp-1").structured_content["status"] == "CANCELLED"
    tools.call("generate_image", prompt="A dog")
    tools.harness.claim("mcp-2")
    tools.harness.finish("mcp-2", DONE)
    with pytest.raises(TaskFinished):
        tools.call("cancel_task", task_id="mcp-2")


def test_tasks_runtimes_and_models_are_listed(tools: Tools) -> None:
    tools.call("generate_image", prompt="A dog")
    tools.call("generate_image", prompt="A cat", runtime="dynamic", model="painting")
    listed = tools.call("list_tasks", runtime="dynamic", limit=5).structured_content
    assert [(task["task_id"], task["status"]) for task in listed["tasks"]] == [("mcp-2", "IN_QUEUE")]
    runtimes = tools.call("list_runtimes").structured_content["runtimes"]
    assert [(each["runtime"], each["limits"]["width"]) for each in runtimes] == [("sdruntime", 1024), ("dynamic", 2048)]
    tools.harness.s3.put_object(Bucket="model-bucket", Key="Lora/ink.safetensors", Body=b"")
    listed = tools.call("list_models").structured_content
    assert [(each["runtime"], each["model"]) for each in listed["models"]] == [
        ("sdruntime", "v1-5-pruned-emaonly.safetensors"),
        ("dynamic", "painting.safetensors"),
    ]
    assert listed["loras"] == ["ink"]


def test_another_tenants_task_is_unknown_to_every_tool(tools: Tools) -> None:
    tools.call("generate_image", SHOP, prompt="A dog")
    assert tools.call("get_task", SHOP, task_id="mcp-1").structured_content["status"] == "IN_QUEUE"
    for name in ("get_task", "cancel_task"):
        with pytest.raises(TaskNotFound):
            tools.call(name, OTHER, task_id="mcp-1")
    assert tools.call("list_tasks", OTHER).structured_content["tasks"] == []
    with pytest.raises(TaskNotFound):
        tools.tools.read("darkroom://tasks/mcp-1/images/1", OTHER)
    with pytest.raises(InvalidTask, match="there is no task 'mcp-1'"):
        tools.call("edit_image", OTHER, prompt="A cat", image="darkroom://tasks/mcp-1/images/1")


@pytest.mark.parametrize("task_id", ["", "x" * 3000])
def test_an_id_that_no_task_can_have_is_unknown(tools: Tools, task_id: str) -> None:
    for name in ("get_task", "cancel_task"):
        with pytest.raises(TaskNotFound):
            tools.call(name, task_id=task_id)


def test_finished_pictures_are_resources(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    tools.call("generate_image", prompt="A dog")
    assert tools.tools.resources(None, SHARED) == ([], None)
    with pytest.raises(TaskNotFound, match="it is IN_QUEUE"):
        tools.tools.read("darkroom://tasks/mcp-1/images/1", SHARED)
    tools.finish()
    resources, cursor = tools.tools.resources(None, SHARED)
    uris = [resource.uri for resource in resources]
    assert (uris, cursor) == (["darkroom://tasks/mcp-1/images/1", "darkroom://tasks/mcp-1/images/2"], None)
    (read,) = tools.tools.read(uris[1], SHARED).contents
    assert read.mime_type == "image/png"
    for broken in ("darkroom://tasks/mcp-1/images/3", "darkroom://tasks/mcp-1", "s3://output-bucket/mcp/1.png"):
        with pytest.raises(TaskNotFound):
            tools.tools.read(broken, SHARED)
    monkeypatch.setattr("lambdas.mcp_api.tools.MAX_SHOWN_BYTES", 100)
    with pytest.raises(MessageTooLarge, match="get_task returns a link"):
        tools.tools.read(uris[0], SHARED)


@pytest.mark.parametrize(
    ("data", "content_type", "size"),
    [
        (picture(64, 48), "image/png", (64, 48)),
        (picture(1200, 600), "image/jpeg", (1024, 512)),
        (picture(700, 700), "image/jpeg", (700, 700)),
        (picture(1100, 8, mode="RGBA"), "image/jpeg", (1024, 7)),
        (picture(40, 40, "WEBP"), "image/webp", (40, 40)),
        (picture(40, 40, "TIFF"), "image/jpeg", (40, 40)),
    ],
)
def test_a_picture_is_scaled_to_what_assistants_take(data: bytes, content_type: str, size: tuple[int, int]) -> None:
    scaled = scaled_down(data)
    assert scaled is not None
    assert (scaled[1], len(scaled[0]) <= MAX_BYTES) == (content_type, True)
    with Image.open(io.BytesIO(scaled[0])) as opened:
        assert opened.size == size
        # Pillow's tables of the best quality begin with 5, those of the other two with 13 and 27.
        assert content_type != "image/jpeg" or opened.quantization[0][0] == 5  # type: ignore[attr-defined]  # of JPEGs


@pytest.mark.parametrize("data", [b"", b"{}", picture(64, 64)[:200], b"\0\0\0\x18ftypmp42" + bytes(50)])
def test_what_is_no_whole_picture_is_not_scaled(data: bytes) -> None:
    assert scaled_down(data + b"\0" * MAX_BYTES) is None


def test_a_picture_of_too_many_pixels_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.mcp_api.pictures.MAX_PIXELS", 63)
    assert scaled_down(picture(8, 8)) is None
