"""Decisions of the Python client: what is repeated, how long a wait lasts, and which error a refusal becomes."""

import asyncio
import inspect
import io
import json
import pydoc
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import darkroom
from contract.upload import PICTURE_TYPES
from darkroom.connection import Connection
from darkroom.http_exchange import HttpReply, NoReply
from darkroom.input_pictures import _SIGNATURES
from darkroom.task_request import _METADATA_NAMES, ListFilters
from darkroom.task_snapshot import ModelsOnTheirWay, SamplingPosition, TaskFailure, TaskListPage
from tests.unit.darkroom.fake_transport import FakeTransport, SleepingClock, answer, refusal, task

DESCRIPTION = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"
LOST = NoReply("timed out", may_pass=True)
ACCEPTED = answer({"id_task": "a", "output_location": "s3://b/output/a", "runtime": "sdruntime"})
UPLOAD = answer(
    {"link": "s3://b/uploads/1.png", "upload": {"method": "POST", "url": "https://s3/", "fields": {"key": "k"}}}, 201
)
STORED = HttpReply(204, {}, b"")


def client(*answers: HttpReply | NoReply) -> tuple[darkroom.Client, FakeTransport, SleepingClock]:
    transport, clock = FakeTransport(*answers), SleepingClock()
    made = darkroom.Client("https://api.example/", "key", transport=transport, clock=clock, sleep=clock.sleep)
    return made, transport, clock


def test_keyword_arguments_make_up_a_task() -> None:
    api, transport, _ = client(ACCEPTED)
    accepted = api.submit("A dog", width=64, runtime="dynamic", model="photo", id="a", content={"eta": 1})
    assert accepted.id == "a"
    (call,) = transport.calls
    assert (call.method, call.url, call.headers["x-api-key"]) == ("POST", "https://api.example/v1alpha2", "key")
    assert json.loads(call.body or b"")["task"] == {
        "metadata": {"id": "a", "runtime": "dynamic", "tasktype": "text-to-image"},
        "content": {"width": 64, "prompt": "A dog", "override_settings": {"sd_model_checkpoint": "photo"}, "eta": 1},
    }


@pytest.mark.parametrize(
    ("own", "sent"),
    [
        ({"sd_vae": "a"}, {"sd_model_checkpoint": "photo", "sd_vae": "a"}),
        ({"sd_model_checkpoint": "other"}, {"sd_model_checkpoint": "other"}),
        (None, {"sd_model_checkpoint": "photo"}),
    ],
)
def test_a_model_goes_with_other_options(own: object, sent: object) -> None:
    api, transport, _ = client(ACCEPTED)
    api.submit("A dog", model="photo", content={"override_settings": own})
    assert json.loads(transport.calls[0].body or b"")["task"]["content"]["override_settings"] == sent


def test_a_file_has_its_own_name_whatever_the_folder_of_the_outputs() -> None:
    for prefix in ("output", "take #2", "why?", "a;b"):
        assert darkroom.OutputFile(s3_url=f"s3://b/{prefix}/a/a-1.png", url="").name == "a-1.png"


GRAPH: dict[str, Any] = {"2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}}}


def runtimes(**types: str) -> HttpReply:
    return answer({"runtimes": [{"name": name, "type": type_} for name, type_ in types.items()]})


def test_a_workflow_goes_to_the_one_runtime_of_comfyui() -> None:
    api, transport, _ = client(runtimes(sdruntime="sdwebui", flows="comfyui"), ACCEPTED)
    api.submit(workflow=GRAPH, id="a", policy={"ttl": 60_000})
    assert json.loads(transport.calls[1].body or b"")["task"] == {
        "metadata": {"id": "a", "runtime": "flows", "tasktype": "pipeline", "policy": {"ttl": 60_000}},
        "content": GRAPH,
    }


def test_pictures_in_a_workflow_are_uploaded() -> None:
    api, transport, _ = client(UPLOAD, STORED, ACCEPTED)
    png = io.BytesIO()
    Image.new("RGB", (1, 1)).save(png, "PNG")
    graph: dict[str, Any] = {"1": {"class_type": "LoadImage", "inputs": {"image": png.getvalue()}}}
    api.submit(workflow=graph, runtime="flows")
    sent = json.loads(transport.calls[2].body or b"")["task"]
    assert sent["content"]["1"]["inputs"] == {"image": "s3://b/uploads/1.png"}


@pytest.mark.parametrize(
    ("types", "found"), [({"sdruntime": "sdwebui"}, "none"), ({"a": "comfyui", "b": "comfyui"}, "a, b")]
)
def test_a_workflow_needs_a_runtime_unless_there_is_exactly_one(types: dict[str, str], found: str) -> None:
    api, transport, _ = client(runtimes(**types), ACCEPTED)
    with pytest.raises(darkroom.UnusableInput, match=f"name the runtime of the workflow; .* are: {found}$"):
        api.submit(workflow=GRAPH)
    assert len(transport.calls) == 1


@pytest.mark.parametrize("arguments", [{"prompt": "A dog"}, {"steps": 4}, {"model": "photo"}, {"content": {}}])
def test_fields_of_the_web_ui_do_not_belong_to_a_workflow(arguments: dict[str, Any]) -> None:
    api, transport, _ = client(ACCEPTED)
    with pytest.raises(darkroom.UnusableInput, match=f"`{next(iter(arguments))}` and `workflow` exclude each other"):
        api.submit(workflow=GRAPH, runtime="flows", **arguments)
    assert not transport.calls


def test_an_argument_that_does_not_exist_is_named() -> None:
    api, transport, _ = client(ACCEPTED)
    wrong: dict[str, Any] = {"hight": 64}
    with pytest.raises(darkroom.UnusableInput, match="`hight` is not an argument"):
        api.submit("A dog", **wrong)
    assert not transport.calls


def test_a_lost_answer_is_asked_for_again_with_the_same_task() -> None:
    api, transport, clock = client(LOST, refusal(503, "unavailable"), ACCEPTED)
    api.submit("A dog")
    assert len({(call.body, call.headers["idempotency-key"]) for call in transport.calls}) == 1
    assert len(transport.calls) == 3
    assert clock.pauses[0] < clock.pauses[1] * 1.1


def test_a_retry_whose_answer_is_lost_is_asked_for_again_with_its_key() -> None:
    api, transport, _ = client(LOST, ACCEPTED, ACCEPTED)
    assert (api.retry("a").id, api.retry("a").id) == ("a", "a")
    assert {call.url for call in transport.calls} == {"https://api.example/v1alpha2/tasks/a/retry"}
    first, again, other = (call.headers["idempotency-key"] for call in transport.calls)
    assert (first == again, first == other) == (True, False)


def test_retry_after_is_obeyed() -> None:
    api, _, clock = client(refusal(429, "too_many_active_tasks", retry_after="7"), ACCEPTED)
    api.submit("A dog")
    assert clock.pauses == [7]


@pytest.mark.parametrize(
    ("reply", "error", "calls"),
    [
        (refusal(401, "unauthorized"), darkroom.KeyNotAccepted, 1),
        (refusal(404, "task_not_found"), darkroom.NoSuchTask, 1),
        (refusal(404, "not_found"), darkroom.RequestRefused, 1),
        (refusal(409, "task_finished"), darkroom.TaskConflict, 1),
        (refusal(429, "throttled", retry_after="0"), darkroom.TooManyRequests, 4),
        (refusal(503, "unavailable", retry_after="0"), darkroom.Unavailable, 4),
        (refusal(500, "internal_error"), darkroom.Unavailable, 1),
        (LOST, darkroom.Unavailable, 4),
        (NoReply("no such host", may_pass=False), darkroom.Unavailable, 1),
        (HttpReply(200, {}, b"<html>"), darkroom.NotConfigured, 1),
        (HttpReply(404, {}, b"<html>"), darkroom.NotConfigured, 1),
        (HttpReply(500, {}, b"<html>"), darkroom.Unavailable, 1),
    ],
)
def test_an_answer_becomes_its_error(reply: HttpReply | NoReply, error: type[Exception], calls: int) -> None:
    api, transport, _ = client(reply)
    with pytest.raises(error) as caught:
        api.get("a")
    assert type(caught.value) is error
    assert len(transport.calls) == calls


def test_a_refusal_has_its_fields_and_the_id_of_the_request() -> None:
    document = {"code": "invalid_task", "message": "m", "details": [{"field": "task.content.width", "message": "is 9"}]}
    api, _, _ = client(answer({"error": document}, 400, x_amzn_requestid="r-1"))
    with pytest.raises(darkroom.RequestRefused, match=r"task\.content\.width: is 9") as caught:
        api.submit("A dog")
    refused = caught.value
    assert (refused.status, refused.code, refused.request_id) == (400, "invalid_task", "r-1")
    assert refused.fields == (darkroom.RefusedField("task.content.width", "is 9"),)


def test_a_failure_of_the_api_names_the_request_for_its_operator() -> None:
    api, _, _ = client(refusal(500, "internal_error", "a defect", x_amzn_requestid="r-1"))
    with pytest.raises(darkroom.Unavailable, match=r"a defect \(internal_error, request r-1\)") as caught:
        api.get("a")
    assert caught.value.request_id == "r-1"


def png() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (1, 1)).save(data, "PNG")
    return data.getvalue()


def test_pictures_are_uploaded_wherever_a_content_holds_them(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    api, transport, _ = client(UPLOAD, STORED, UPLOAD, STORED, UPLOAD, STORED, ACCEPTED)
    unit = {"args": [{"image": Image.new("RGB", (1, 1))}]}
    api.submit(
        "A cat", init_images=[tmp_path / "a.png"], mask=png(), content={"alwayson_scripts": {"controlnet": unit}}
    )
    task_ = json.loads(transport.calls[-1].body or b"")["task"]
    link = "s3://b/uploads/1.png"
    assert task_["metadata"]["tasktype"] == "image-to-image"
    assert (task_["content"]["init_images"], task_["content"]["mask"]) == ([link], link)
    assert task_["content"]["alwayson_scripts"]["controlnet"]["args"] == [{"image": link}]
    form = transport.calls[1]
    assert "x-api-key" not in form.headers
    content_type = form.headers["content-type"].encode()
    message = BytesParser(policy=policy.HTTP).parsebytes(
        b"Content-Type: " + content_type + b"\r\n\r\n" + (form.body or b"")
    )
    fields = {
        part["content-disposition"].params["name"]: part.get_payload(decode=True) for part in message.iter_parts()
    }
    assert fields == {"key": b"k", "file": png()}


def test_a_file_that_is_no_picture_is_named_before_anything_is_sent() -> None:
    api, transport, _ = client(UPLOAD)
    with pytest.raises(darkroom.UnusableInput, match=r"content\.init_images\[1\] is not a picture"):
        api.submit("A cat", init_images=["s3://link", b"text"])
    assert not transport.calls


def test_every_type_of_upload_is_recognized() -> None:
    assert {content_type for _, _, content_type in _SIGNATURES} == set(PICTURE_TYPES)


def test_a_wait_shows_each_change_once_and_ends_with_the_task() -> None:
    going = [
        task("IN_QUEUE"),
        task("IN_QUEUE"),
        task("IN_PROGRESS", preview="https://new"),
        task("COMPLETED", progress=1),
    ]
    api, _, _ = client(*map(answer, going))
    assert [seen.status for seen in api.watch("a")] == ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]


def test_a_wait_ends_at_its_time_limit_and_names_the_tasks() -> None:
    api, _, clock = client(answer(task("IN_QUEUE")))
    with pytest.raises(darkroom.DeadlinePassed, match="still active after 3 s: a") as caught:
        api.wait("a", timeout_seconds=3)
    assert (clock.seconds, caught.value.task_ids) == (3, ("a",))


def test_a_wait_ends_when_no_task_changes() -> None:
    moving = [answer(task("IN_PROGRESS", progress=step / 100)) for step in range(50)]
    api, _, clock = client(*moving)
    with pytest.raises(darkroom.DeadlinePassed, match="no progress for 10 s: a"):
        list(api.watch("a", stall_seconds=10))
    assert clock.seconds >= 49 * 0.5 + 10


def test_a_wait_survives_an_outage_but_not_for_ever() -> None:
    api, _, _ = client(answer(task("IN_QUEUE")), LOST, LOST, LOST, LOST, LOST, answer(task("COMPLETED")))
    assert api.wait("a").status == "COMPLETED"
    api, _, clock = client(answer(task("IN_QUEUE")), LOST)
    with pytest.raises(darkroom.Unavailable):
        api.wait("a")
    assert clock.seconds >= 60
    api, transport, _ = client(NoReply("connection refused", may_pass=False))
    with pytest.raises(darkroom.Unavailable):
        api.wait("a")
    assert len(transport.calls) == 1, "an API that has never answered is no outage"


def test_a_listing_goes_on_to_its_last_page() -> None:
    pages: tuple[dict[str, Any], ...] = (
        {"tasks": [task("FAILED", "a")], "next": "more"},
        {"tasks": [task("FAILED", "b")], "next": None},
    )
    api, transport, _ = client(*map(answer, pages))
    assert [found.id for found in api.list(status="FAILED", limit=1)] == ["a", "b"]
    assert transport.calls[1].url.partition("?")[2] == "status=FAILED&limit=1&next=more"


def test_a_task_that_did_not_complete_raises_when_it_is_asked_to() -> None:
    api, _, _ = client(answer(task("FAILED", error={"code": "webui_refused", "message": "the Web UI said no"})))
    with pytest.raises(darkroom.TaskNotCompleted, match="a is FAILED: the Web UI said no") as caught:
        api.get("a").raise_for_status()
    assert caught.value.task.error is not None


@pytest.mark.parametrize(
    ("view", "schema"),
    [
        (darkroom.TaskSnapshot, "ShownTask"),
        (darkroom.OutputFile, "Output"),
        (TaskFailure, "TaskError"),
        (SamplingPosition, "Sampling"),
        (ModelsOnTheirWay, "ModelTransfer"),
        (TaskListPage, "TaskPage"),
    ],
)
def test_a_view_reads_what_the_description_of_the_api_has(view: type, schema: str) -> None:
    described = json.loads(DESCRIPTION.read_text())["components"]["schemas"][schema]["properties"]
    read = {"tasktype" if name == "task_type" else name for name in view.__annotations__} - {"document"}
    assert read <= described.keys()


def test_filters_and_arguments_are_those_of_the_description() -> None:
    described = json.loads(DESCRIPTION.read_text())
    parameters = described["paths"]["/v1alpha2/tasks"]["get"]["parameters"]
    assert ListFilters.__annotations__.keys() <= {parameter["name"] for parameter in parameters}
    metadata = described["components"]["schemas"]["Metadata"]["properties"]
    assert set(_METADATA_NAMES) <= metadata.keys()


def test_pictures_come_as_bytes_images_and_files(tmp_path: Path) -> None:
    outputs = [{"s3_url": f"s3://b/a/a-1.{end}", "url": f"https://s3/{end}"} for end in ("png", "out")]
    api, transport, _ = client(HttpReply(200, {}, png()))
    done = darkroom.TaskSnapshot.of(task("COMPLETED", outputs=outputs))
    (picture,) = api.pictures(done)
    assert picture.image().size == (1, 1)
    assert picture.save(tmp_path / "one").read_bytes() == png()
    assert [path.name for path in api.save(done, tmp_path / "all")] == ["a-1.png", "a-1.out"]
    assert not {header for call in transport.calls for header in call.headers}, "S3 must not see the key"


def test_a_link_that_has_expired_is_explained() -> None:
    api, _, _ = client(HttpReply(403, {}, b"<Error>expired</Error>"))
    with pytest.raises(darkroom.RequestRefused, match=r"a\.png was refused by S3 \(HTTP 403\)"):
        api.download(darkroom.OutputFile("s3://b/a.png", "https://s3/a.png"))


def test_an_outage_of_s3_is_not_an_expired_link() -> None:
    api, _, _ = client(HttpReply(503, {}, b"<Error>SlowDown</Error>"))
    with pytest.raises(darkroom.Unavailable, match=r"S3 is not available for a\.png \(HTTP 503\); try again later"):
        api.download(darkroom.OutputFile("s3://b/a.png", "https://s3/a.png"))


def test_the_client_for_asyncio_does_the_same() -> None:
    async def journey() -> list[str]:
        transport = FakeTransport(ACCEPTED, answer(task("IN_QUEUE")), answer(task("COMPLETED")))
        api = darkroom.AsyncClient("https://api.example", "key", transport=transport)
        return [seen.status async for seen in api.watch(await api.submit("A dog"))]

    assert asyncio.run(journey()) == ["IN_QUEUE", "COMPLETED"]


@pytest.mark.parametrize("name", [name for name in vars(darkroom.Client) if not name.startswith("_")])
def test_both_clients_have_the_same_methods(name: str) -> None:
    twin = vars(darkroom.AsyncClient)[name]
    assert twin.__doc__ == vars(darkroom.Client)[name].__doc__
    assert twin.__annotations__.keys() == vars(darkroom.Client)[name].__annotations__.keys()


def test_help_shows_the_arguments_of_a_method_and_no_generator() -> None:
    assert str(inspect.signature(darkroom.Client.upload)).endswith(" | str)")
    assert "Generator" not in pydoc.render_doc(darkroom.AsyncClient.submit)


def test_shells_complete_the_name_of_each_client() -> None:
    assert set(darkroom.__all__) <= set(dir(darkroom))


def test_the_variables_name_address_and_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_URL", "https://a.example/api")
    monkeypatch.delenv("DARKROOM_API_KEY", raising=False)
    with pytest.raises(darkroom.NotConfigured, match="DARKROOM_API_KEY"):
        darkroom.Client()
    monkeypatch.setenv("DARKROOM_API_KEY", "k")
    assert darkroom.Client().url == "https://a.example/api"
    with pytest.raises(darkroom.NotConfigured, match=r"is 'a\.example'; write an address"):
        darkroom.Client("a.example")


def test_space_around_address_and_key_is_dropped() -> None:
    transport = FakeTransport(answer(task("COMPLETED")))
    darkroom.Client(" https://a.example\n", "secret\n", transport=transport).get("a")
    (call,) = transport.calls
    assert (call.url, call.headers["x-api-key"]) == ("https://a.example/v1alpha2/tasks/a", "secret")


@pytest.mark.parametrize("key", ["secret\nline", "secr€t", "se\x00cret"])
def test_a_key_that_no_header_can_hold_is_refused_without_its_text(key: str) -> None:
    with pytest.raises(darkroom.NotConfigured, match="`key` has a character that no key has") as caught:
        darkroom.Client("https://a.example", key)
    assert "sec" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "make up"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"http_url": "http://h"}', "has no 'api_key'"),
    ],
)
def test_a_local_system_that_does_not_run_is_explained(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "endpoints.json").write_text(text)
    with pytest.raises(darkroom.NotConfigured, match=words):
        Connection.local(tmp_path)
