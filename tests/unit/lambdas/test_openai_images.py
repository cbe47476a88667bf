"""Calls of OpenAI's images API: the tasks that they become, and the bodies that come back."""

import base64
import io
import json
from functools import partial
from typing import Any

import pytest
from PIL import Image

from contract.errors import DarkroomError, InvalidTask, MessageTooLarge
from contract.record import Record, Status
from contract.tenancy import SHARED
from contract.transitions import Outcome
from lambdas.http.application import Caller
from lambdas.openai_api.image_request import ImageCall, ImageCallKind, parse_call
from lambdas.openai_api.images import OpenAiImages
from lambdas.openai_api.refusals import refusal
from lambdas.tasks import outcomes
from lambdas.tasks.webui_responses import MAX_RESPONSE_BYTES
from task_store.repository import TaskRepository
from tests.harness.openai_calls import drawn_png
from tests.unit.lambdas.harness import CATALOGUE, Harness, client

JSON = "application/json"
FORM = "multipart/form-data; boundary=line"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(60)
PICTURE = base64.b64encode(PNG).decode()
DONE = Outcome(Status.COMPLETED, image_urls=("s3://out/a-1.png", "s3://out/a-2.png"), output_url="s3://out/a.out")


def form(files: dict[str, bytes], **fields: str) -> bytes:
    parts = [
        f'--line\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()
    ]
    encoded = [part.encode() for part in parts]
    for name, data in files.items():
        head = f'--line\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n'
        encoded.append(f"{head}Content-Type: image/png\r\n\r\n".encode() + data)
    return b"\r\n".join([*encoded, b"--line--\r\n"])


def generation(**fields: Any) -> ImageCall:
    return parse_call(ImageCallKind.GENERATIONS, json.dumps({"prompt": "A dog"} | fields), JSON)


def task_of(call: ImageCall) -> tuple[dict[str, Any], dict[str, Any]]:
    task = call.task("openai-1", catalogue=CATALOGUE)["task"]
    return task["metadata"], task["content"]


def test_the_smallest_call() -> None:
    metadata, content = task_of(generation())
    assert metadata == {
        "id": "openai-1",
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "prefix": "openai",
        "policy": {"preview": False},
        "output": {},
    }
    assert content == {"prompt": "A dog", "n_iter": 1, "steps": 20, "override_settings": {}}


def test_every_field_of_a_generation() -> None:
    asked = {"model": "dynamic/folder/a.safetensors", "n": 3, "size": "768x512", "quality": "hd", "user": "u"}
    picture = {"output_format": "jpeg", "output_compression": 80, "background": "opaque", "moderation": "low"}
    metadata, content = task_of(generation(**asked, **picture, stream=True, partial_images=1))
    assert (metadata["runtime"], metadata["policy"]) == ("dynamic", {"preview": True})
    assert metadata["output"] == {"format": "jpeg", "quality": 80}
    assert content == {
        "prompt": "A dog",
        "n_iter": 3,
        "steps": 40,
        "width": 768,
        "height": 512,
        "override_settings": {"sd_model_checkpoint": "folder/a.safetensors"},
    }


@pytest.mark.parametrize("quality", ["high", "xhigh", "max"])
def test_the_highest_qualities_of_newer_models_are_high(quality: str) -> None:
    assert task_of(generation(quality=quality))[1]["steps"] == 40


def test_fields_of_the_web_ui_go_with_the_call_and_win() -> None:
    own = {"negative_prompt": "cat", "steps": 7, "override_settings": {"CLIP_stop_at_last_layers": 2}}
    metadata, content = task_of(generation(output_format="webp", **own))
    assert metadata["output"] == {"format": "webp", "quality": 100}
    assert (content["negative_prompt"], content["steps"]) == ("cat", 7)
    assert content["override_settings"] == {"CLIP_stop_at_last_layers": 2}


def test_an_edit_with_a_mask_paints_where_the_mask_is_transparent() -> None:
    mask = drawn_png("#00000000")
    body = form({"image": PNG, "mask": mask}, prompt="A hat", n="2", size="64x64")
    metadata, content = task_of(parse_call(ImageCallKind.EDITS, body, FORM))
    assert metadata["tasktype"] == "image-to-image"
    assert (content["init_images"], content["mask"]) == ([PICTURE], base64.b64encode(mask).decode())
    assert (content["inpainting_mask_invert"], content["resize_mode"], content["n_iter"]) == (1, 1, 2)


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "L"), ("PNG", "LA"), ("PNG", "P"), ("JPEG", "RGB")])
def test_a_mask_without_transparency_is_refused(kind: str, mode: str) -> None:
    """The Web UI reads it by its brightness: the black part was painted, where Stable Diffusion's masks are white."""
    buffer = io.BytesIO()
    Image.new(mode, (64, 64)).save(buffer, kind)
    body = form({"image": PNG, "mask": buffer.getvalue()}, prompt="A hat")
    with pytest.raises(InvalidTask, match=r"mask: must be a PNG with an alpha channel"):
        parse_call(ImageCallKind.EDITS, body, FORM)


def test_a_variation_needs_no_prompt() -> None:
    _, content = task_of(parse_call(ImageCallKind.VARIATIONS, form({"image": PNG}), FORM))
    assert (content["prompt"], content["denoising_strength"]) == ("", 0.6)


@pytest.mark.parametrize("name", ["image", "image[]"])
def test_the_newer_clients_name_a_list_of_pictures(name: str) -> None:
    assert parse_call(ImageCallKind.EDITS, form({name: PNG}, prompt="a"), FORM).picture == PICTURE


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"prompt": ""}, "prompt: is required"),
        ({"prompt": None}, "prompt: is required"),
        ({"n": 11}, "n: is 11; write 10 or less"),
        ({"size": "large"}, "size: is 'large'; write a value that matches"),
        ({"size": "0x64"}, "size: is '0x64'"),
        ({"quality": "best"}, "quality: is 'best'; write 'auto', 'low'"),
        ({"response_format": "png"}, "response_format: is 'png'; write 'url' or 'b64_json'"),
        ({"background": "transparent"}, "background: is 'transparent'; write 'auto' or 'opaque'"),
        ({"prompt": 5}, "prompt: is 5; write text, in quotes"),
    ],
)
def test_broken_fields_are_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidTask, match=r".") as refused:
        generation(**fields)
    assert refused.value.message.startswith(named)


@pytest.mark.parametrize(
    ("body", "content_type", "named"),
    [
        (b"{}", JSON, "body: must be of the type multipart/form-data"),
        (form({}), FORM, "image: needs one picture as a file; the form has none"),
        (b"--line\r\nrubbish", FORM, "body: is a form that cannot be read"),
        (form({}), "multipart/form-data", "body: is a form that cannot be read"),
        (form({"picture": PNG, "image": PNG}, prompt="a"), FORM, "picture: is not a file of this call"),
        (form({"image": PNG, "image[]": PNG}, prompt="a"), FORM, "image: is 2 pictures; a Stable Diffusion checkpoint"),
        (form({"image": PNG, "mask": PNG, "mask[]": PNG}, prompt="a"), FORM, "mask: is 2 pictures"),
        (form({"image": PNG}), FORM, "prompt: is required"),
        (form({"image": PNG}, **{f"field{number}": "" for number in range(70)}), FORM, "body: is a form that cannot"),
        (
            form({"image": PNG}, prompt="a" * 200_000),
            FORM,
            "prompt: has 200000 bytes; a field of a form may have 1310",
        ),
        (form({"image": PNG}, **{"prompt": "a", f"x{'[a]' * 70}": "b"}), FORM, "x[a][a][a]"),
        (form({"image": PNG}, **{"prompt": "a", f"x{'[a]' * 1300}": "b"}), FORM, "x[a][a][a]"),
        (form({"image": PNG}, prompt="a")[:-20], FORM, "body: is a form that cannot be read: its end is missing"),
    ],
    ids=[
        "json",
        "empty",
        "rubbish",
        "no boundary",
        "other file",
        "two pictures",
        "two masks",
        "no prompt",
        "many parts",
        "long field",
        "deep field",
        "very deep field",
        "cut off",
    ],
)
def test_broken_forms_are_refused(body: bytes, content_type: str, named: str) -> None:
    with pytest.raises(InvalidTask) as refused:
        parse_call(ImageCallKind.EDITS, body, content_type)
    assert refused.value.message.startswith(named)


class Images:
    """Calls, each as a new request; the harness is the clock, and each pause runs the next of `during`."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.during: list[Any] = []
        self.caller = Caller("r", "shop", SHARED)
        self.images = OpenAiImages(tasks=harness.tasks(clock=self.seconds, sleep=self.sleep), new_id=lambda: "1")

    def seconds(self) -> float:
        return self.harness.now_ms / 1000

    def sleep(self, seconds: float) -> None:
        self.harness.now_ms += int(seconds * 1000) + 1
        if self.during:
            self.during.pop(0)()

    def submit(self, call: ImageCall) -> None:
        """Submit a call without waiting for its task."""
        self.images.make(call, caller=self.caller, seconds=0)

    def make(self, **fields: Any) -> tuple[int, Any]:
        response = self.images.make(generation(**fields), caller=self.caller, seconds=5)
        assert isinstance(response.body, str)
        is_stream = response.content_type == "text/event-stream"
        return response.status_code, response.body if is_stream else json.loads(response.body)

    def claim(self) -> None:
        self.harness.claim("openai-1")

    def finish(self, outcome: Outcome = DONE) -> None:
        self.harness.finish("openai-1", outcome)


@pytest.fixture
def images(harness: Harness) -> Images:
    harness.s3.create_bucket(Bucket="out")
    for number in (1, 2):
        harness.s3.put_object(Bucket="out", Key=f"a-{number}.png", Body=b"picture %d" % number)
    return Images(harness)


def test_links_to_the_pictures(images: Images) -> None:
    images.during = [images.claim, images.finish]
    status, body = images.make(n=2)
    assert status == 200
    assert [client("s3").meta.endpoint_url.partition("//")[2] in each["url"] for each in body["data"]] == [True, True]
    assert (body["id_task"], body["output_format"], body["created"]) == (
        "openai-1",
        "png",
        images.harness.now_ms // 1000,
    )
    assert images.harness.record("openai-1").key_name == "shop"


def test_pictures_in_the_response(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    images.during = [images.claim, images.finish]
    _, body = images.make(n=2, response_format="b64_json")
    assert [base64.b64decode(each["b64_json"]) for each in body["data"]] == [b"picture 1", b"picture 2"]
    monkeypatch.setattr("lambdas.openai_api.images.MAX_PICTURE_BYTES", 10)
    with pytest.raises(MessageTooLarge, match='ask for "response_format": "url"'):
        images.make(response_format="b64_json")


def test_a_stream_has_previews_and_then_the_pictures(images: Images) -> None:
    def preview() -> None:
        images.harness.s3.put_object(Bucket="out", Key="preview.png", Body=b"preview")
        images.harness.report("openai-1", 500, {"sampling_step": 1}, preview_url="s3://out/preview.png")

    def deleted_preview() -> None:
        images.harness.report("openai-1", 250, {"sampling_step": 0}, preview_url="s3://out/deleted.png")

    # Several looks find the same preview, which is sent once.
    images.during = [images.claim, deleted_preview, preview, *[lambda: None] * 4, images.finish]
    _, stream = images.make(stream=True, partial_images=3)
    events = [json.loads(event.partition("data: ")[2]) for event in stream.strip().split("\n\n")]
    assert [event["type"] for event in events] == [
        "image_generation.partial_image",
        "image_generation.completed",
        "image_generation.completed",
    ]
    assert [base64.b64decode(event["b64_json"]) for event in events] == [b"preview", b"picture 1", b"picture 2"]


def test_a_stream_leaves_out_the_previews_for_which_its_pictures_have_no_room(images: Images) -> None:
    mebibyte = b"x" * 1024**2
    images.harness.s3.put_object(Bucket="out", Key="a-1.png", Body=mebibyte * 3)

    def preview(number: int) -> None:
        key = f"preview-{number}.png"
        images.harness.s3.put_object(Bucket="out", Key=key, Body=b"%d" % number + mebibyte)
        images.harness.report("openai-1", 100 * number, {"sampling_step": number}, preview_url=f"s3://out/{key}")

    images.during = [images.claim, *[partial(preview, number) for number in (1, 2, 3)], images.finish]
    _, stream = images.make(stream=True, partial_images=3)
    assert len(json.dumps(stream)) <= MAX_RESPONSE_BYTES
    assert (stream.count("event: image_generation.partial_image"), stream.count(".completed\n")) == (1, 2)


def test_a_call_reads_its_task_less_often_the_longer_it_waits(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    read, reads = TaskRepository.read, []

    def counted(repository: TaskRepository, task_key: str, *, is_current: bool = True) -> Record | None:
        reads.append(task_key)
        return read(repository, task_key, is_current=is_current)

    monkeypatch.setattr(TaskRepository, "read", counted)
    images.images.make(generation(), caller=images.caller, seconds=60)
    assert 60 <= len(reads) < 75


def test_tasks_that_do_not_complete(images: Images) -> None:
    status, body = images.make()
    assert (status, body["error"]["type"], body["error"]["code"]) == (504, "server_error", "takes_longer")
    assert "GET /v1alpha2/tasks/openai-1" in body["error"]["message"]
    images.during = [images.claim, lambda: images.finish(outcomes.cancelled())]
    assert images.make()[0] == 409


@pytest.mark.parametrize(
    ("error", "status", "kind", "param"),
    [
        ({"code": "webui_hung", "message": "m"}, 500, "server_error", None),
        ({"code": "unknown_sampler", "message": "m"}, 400, "invalid_request_error", None),
        (
            {"code": "limit_exceeded", "message": "m", "details": [{"field": "task.content.width", "message": "m"}]},
            400,
            "invalid_request_error",
            "size",
        ),
    ],
)
def test_failures_are_told_apart(images: Images, error: dict[str, Any], status: int, kind: str, param: str) -> None:
    images.during = [images.claim, lambda: images.finish(Outcome(Status.FAILED, error=error))]
    answered, body = images.make()
    assert (answered, body["error"]["type"], body["error"]["param"]) == (status, kind, param)


@pytest.mark.parametrize(
    ("fields", "status", "param", "code"),
    [
        ({"model": "gpt-image-1"}, 404, "model", "model_not_found"),
        ({"model": "dynamic/none.safetensors"}, 404, "model", "model_not_found"),
        ({"model": "sdruntime/other.safetensors"}, 404, "model", "model_not_found"),
        ({"size": "4096x512"}, 400, "size", "limit_exceeded"),
        ({"width": 4096}, 400, "width", "limit_exceeded"),
        ({"quality": "high", "n": 10}, 400, "n", "limit_exceeded"),
        ({"steps": 1000}, 400, "steps", "limit_exceeded"),
        ({"override_settings": {"samples_format": "gif"}}, 400, "override_settings.samples_format", "invalid_task"),
        ({"heigth": 64}, 400, "heigth", "unknown_field"),
    ],
)
def test_refused_calls(images: Images, fields: dict[str, Any], status: int, param: str, code: str) -> None:
    with pytest.raises(DarkroomError) as refused:
        images.make(**fields)
    response = refusal(refused.value)
    error = json.loads(response.body or "")["error"]
    assert (response.status_code, error["param"], error["code"]) == (status, param, code)
    assert error["type"] == "invalid_request_error"


def test_a_runtime_of_workflows_is_refused_as_the_model(pipelines: Harness) -> None:
    with pytest.raises(InvalidTask, match="model: runtime comfyui is a ComfyUI, which takes workflows"):
        Images(pipelines).make(model="comfyui")


def test_the_list_of_models_has_all_values_of_model(images: Images) -> None:
    images.harness.s3.put_object(Bucket="model-bucket", Key="Stable-diffusion/a.safetensors", Body=b"")
    listed = images.images.list_models()
    assert [model["id"] for model in listed["data"]] == [
        "sdruntime",
        "dynamic",
        "dynamic/a.safetensors",
        "dynamic/painting.safetensors",
    ]
    assert {model["object"] for model in listed["data"]} == {"model"}
