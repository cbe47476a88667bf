import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InvalidTask, NoWebhook, TaskFinished, TaskNotFinished, TaskNotFound, TooManyRedeliveries
from contract.record import Status
from contract.tenancy import SHARED
from contract.transitions import Outcome
from contract.webhook import MAX_REDELIVERIES, WebhookState
from lambdas.read_task import task_reader
from lambdas.read_task.task_reader import TaskReader
from lambdas.tasks import task_list
from lambdas.tasks.task_view import ListedTask
from task_store.repository import TaskRepository
from tests.unit.lambdas.harness import Harness, MakeTask

SubmitTask = Callable[..., None]
DONE = Outcome(
    Status.COMPLETED,
    image_urls=("s3://out/output/a/a-1.png",),
    output_url="s3://out/output/a/a.out",
    thumbnails=(1,),
)

#: Model in the bucket of the harness.
MODEL = "painting.safetensors"


@pytest.fixture
def reader(harness: Harness) -> TaskReader:
    return harness.reader()


@pytest.fixture
def submit(harness: Harness, make_task: MakeTask) -> SubmitTask:
    def submit_task(task_id: str, runtime: str = "sdruntime", **metadata: Any) -> None:
        content = {"alwayson_scripts": {"sd_model_checkpoint": "painting.safetensors"}} if runtime == "dynamic" else {}
        body = make_task(task_id, content, runtime=runtime, **metadata)
        harness.submit(body, task_id)
        harness.now_ms += 1000

    return submit_task


def test_a_task_from_submission_to_end(harness: Harness, reader: TaskReader, submit: SubmitTask) -> None:
    submit("a")
    waiting = reader.show("a", tenant=SHARED)
    assert (waiting["status"], waiting["progress"], waiting["outputs"], waiting["error"]) == ("IN_QUEUE", 0, [], None)
    assert waiting["output_location"] == "s3://output-bucket/output/a"
    assert waiting["context"] == {"abc": 123}
    harness.claim("a")
    sampling = {"sampling_step": 3, "sampling_steps": 20, "job_no": 0, "job_count": 1}
    harness.report("a", 150, sampling)
    running = reader.show("a", tenant=SHARED)
    assert (running["status"], running["progress"], running["sampling"]) == ("IN_PROGRESS", 0.15, sampling)
    assert running["models"] is None
    harness.report("a", 150, sampling, models={"bytes": 9, "bytes_done": 3})
    assert reader.show("a", tenant=SHARED)["models"] == {"bytes": 9, "bytes_done": 3}
    harness.now_ms += 2500
    harness.finish("a", DONE)
    done = reader.show("a", tenant=SHARED)
    assert (waiting["sampling"], done["sampling"], done["models"]) == (None, None, None)
    assert (done["status"], done["progress"], done["delay_ms"], done["execution_ms"]) == ("COMPLETED", 1, 1000, 2500)
    assert done["submitted_at"] == "2023-11-14T22:13:20.000Z"
    assert done["completed_at"] == "2023-11-14T22:13:23.500Z"
    uri = "s3://out/output/a/a-1.png"
    assert done["outputs"][0]["s3_url"] == uri
    assert done["outputs"][0]["url"].startswith("https://out.s3.amazonaws.com/output/a/a-1.png?")
    thumbnail = done["outputs"][0]["thumbnail"] or ""
    assert thumbnail.startswith(
        f"https://output-bucket.s3.amazonaws.com/output/a/a-{harness.record('a').run_id}-1-thumbnail.webp?"
    )
    (listed,) = reader.list(None, tenant=SHARED)["tasks"]
    assert (listed["thumbnail"] or "").partition("?")[0] == thumbnail.partition("?")[0]
    assert done["outputs"][1].keys() == {"s3_url", "url"}


def test_a_waiting_task_says_what_it_waits_for(harness: Harness, reader: TaskReader, submit: SubmitTask) -> None:
    def waits_for() -> Any:
        harness.now_ms += task_reader.MAX_AGE_MS + 1
        return reader.show("a", tenant=SHARED)["waits_for"]

    submit("a")
    assert waits_for() == {"reason": "replica", "replicas": 0, "starting": []}
    harness.repository.report_start("node-7", "sdruntime", {"bytes": 9, "bytes_done": 3})
    assert waits_for()["starting"] == [{"phase": "models", "models": {"bytes": 9, "bytes_done": 3}}]
    harness.repository.report_start("node-7", "sdruntime", {"bytes": 9, "bytes_done": 9})
    assert [replica["phase"] for replica in waits_for()["starting"]] == ["webui"]
    harness.repository.heartbeat("node-7", "sdruntime")
    assert waits_for() == {"reason": "turn", "replicas": 1, "starting": []}
    harness.claim("a")
    assert waits_for() is None


def test_many_waiting_tasks_share_what_is_read_of_their_runtime(
    reader: TaskReader, submit: SubmitTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"t{number}" for number in range(5)]
    for name in names:
        submit(name)
    queries: list[str] = []
    read = TaskRepository._pages

    def pages(self: TaskRepository, **request: Any) -> Any:
        queries.append(request["ExpressionAttributeValues"].get(":runtime", "replicas"))
        return read(self, **request)

    monkeypatch.setattr(TaskRepository, "_pages", pages)
    places = [reader.show(name, tenant=SHARED)["queue_position"] for name in names * 3]
    assert places == [1, 2, 3, 4, 5] * 3
    assert sorted(queries) == ["replicas", "sdruntime"]


def test_a_list_is_filtered_by_key_and_text(harness: Harness, reader: TaskReader, make_task: MakeTask) -> None:
    for number, (prompt, key) in enumerate([("A Red circle", "shop"), ("a blue circle", "shop"), ("a red dog", "app")]):
        harness.submit(make_task(f"task-{number}", {"prompt": prompt}), f"s{number}", key_name=key)
        harness.now_ms += 1000

    def ids(**query: str) -> list[str]:
        return [task["id"] for task in reader.list(query, tenant=SHARED)["tasks"]]

    assert ids(text="red") == ["task-2", "task-0"]
    assert ids(text="RED", key="shop") == ["task-0"]
    assert ids(text="ASK-1") == ["task-1"]
    assert ids(key="app", status="COMPLETED") == []
    for query in ({"key": "No Key"}, {"text": "x" * 201}):
        with pytest.raises(InvalidTask, match=next(iter(query))):
            reader.list(query, tenant=SHARED)


def test_the_request_of_a_task_is_shown_without_its_pictures(
    harness: Harness, reader: TaskReader, make_task: MakeTask
) -> None:
    picture = "A" * 70_000
    harness.submit(make_task("a", {"prompt": "a dog", "seed": 7, "init_images": ["s3://b/k.png", picture]}))
    shown = reader.request("a", tenant=SHARED)
    content = shown["task"]["content"]
    assert (content["prompt"], content["seed"], content["init_images"]) == ("a dog", 7, ["s3://b/k.png", None])
    assert shown["left_out"] == ["task.content.init_images[1]"]
    assert shown["info"] is None
    harness.s3.create_bucket(Bucket="out")
    harness.s3.put_object(Bucket="out", Key="a.out", Body=json.dumps({"info": json.dumps({"all_seeds": [7]})}))
    harness.claim("a")
    harness.finish("a", Outcome(Status.COMPLETED, output_url="s3://out/a.out"))
    assert reader.request("a", tenant=SHARED)["info"] == {"all_seeds": [7]}
    with pytest.raises(TaskNotFound):
        reader.request("b", tenant=SHARED)


@pytest.mark.parametrize(
    ("content", "tasktype", "place"),
    [
        ({"alwayson_scripts": {"sd_model_checkpoint": MODEL}}, "text-to-image", ("alwayson_scripts",)),
        ({"override_settings": {"sd_model_checkpoint": MODEL}}, "text-to-image", ("alwayson_scripts",)),
        (
            {
                "api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"},
                "payload": {"prompt": "a", "override_settings": {"sd_model_checkpoint": MODEL}},
            },
            "webui-api",
            ("payload", "override_settings"),
        ),
    ],
    ids=["alwayson_scripts", "override_settings", "payload"],
)
def test_the_request_of_a_task_names_its_model(
    harness: Harness, reader: TaskReader, content: dict[str, Any], tasktype: str, place: tuple[str, ...]
) -> None:
    metadata = {"id": "a", "runtime": "dynamic", "tasktype": tasktype}
    harness.submit({"task": {"metadata": metadata, "content": content}})
    shown = reader.request("a", tenant=SHARED)["task"]["content"]
    for name in place:
        shown = shown[name]
    assert shown["sd_model_checkpoint"] == MODEL


def test_outputs_inside_the_answer_while_they_fit(harness: Harness, reader: TaskReader, submit: SubmitTask) -> None:
    harness.s3.create_bucket(Bucket="out")
    sizes = {"1.png": 3_000_000, "2.png": 3_000_000, "3.png": 100, "a.out": 10}
    for name, size in sizes.items():
        harness.s3.put_object(Bucket="out", Key=name, Body=name.encode() * (size // 5))
    submit("a", context="ä" * 10_000)
    harness.claim("a")
    pictures = tuple(f"s3://out/{name}" for name in ("1.png", "2.png", "gone.png", "3.png"))
    done = Outcome(Status.COMPLETED, image_urls=pictures, output_url="s3://out/a.out")
    harness.finish("a", replace(done, image_count=900, manifest_url="s3://out/a-manifest.json"))
    task = reader.show("a", {"inline": "true"}, tenant=SHARED)
    assert task["manifest"]
    assert (task["image_count"], task["manifest"]["s3_url"]) == (900, "s3://out/a-manifest.json")
    assert task["manifest"]["url"].startswith("https://out.s3.amazonaws.com/a-manifest.json?")
    inside = [output["base64"] for output in task["outputs"]]
    assert [text is not None for text in inside] == [True, False, False, True, True]
    assert base64.b64decode(inside[0] or "") == b"1.png" * 600_000
    assert len(json.dumps({"statusCode": 200, "body": json.dumps(task)})) < 6 * 1024 * 1024
    for parameters in ({"inline": "false"}, None):
        assert not any("base64" in output for output in reader.show("a", parameters, tenant=SHARED)["outputs"])


@pytest.mark.parametrize("parameters", [{"inline": "yes"}, {"inline": ""}, {"in_line": "true"}])
def test_a_parameter_that_is_none_is_named(reader: TaskReader, parameters: dict[str, str]) -> None:
    with pytest.raises(InvalidTask, match="inline"):
        reader.show("nobody", parameters, tenant=SHARED)


def test_an_unknown_task(reader: TaskReader) -> None:
    with pytest.raises(TaskNotFound, match="'nobody'"):
        reader.show("nobody", tenant=SHARED)
    with pytest.raises(TaskNotFound, match="'nobody'"):
        reader.cancel("nobody", tenant=SHARED)


def test_cancelling(harness: Harness, reader: TaskReader, submit: SubmitTask) -> None:
    submit("waiting")
    submit("running")
    submit("done")
    harness.claim("running")
    harness.claim("done")
    harness.finish("done", DONE)
    for task_id in ("waiting", "running", "waiting"):
        assert reader.cancel(task_id, tenant=SHARED)["status"] == "CANCELLED"
    with pytest.raises(TaskFinished, match="done is COMPLETED already"):
        reader.cancel("done", tenant=SHARED)


def test_calling_a_webhook_again(harness: Harness, reader: TaskReader, submit: SubmitTask) -> None:
    submit("without")
    submit("a", webhook="https://example.com/hook")
    assert reader.show("without", tenant=SHARED)["webhook"] is None
    fresh = {"state": "pending", "attempts": 0, "lastStatus": None, "lastError": None}
    assert reader.show("a", tenant=SHARED)["webhook"] == fresh
    with pytest.raises(TaskNotFinished, match="a is IN_QUEUE"):
        reader.redeliver_webhook("a", tenant=SHARED)
    with pytest.raises(NoWebhook, match="without was sent without"):
        reader.redeliver_webhook("without", tenant=SHARED)
    with pytest.raises(TaskNotFound):
        reader.redeliver_webhook("nobody", tenant=SHARED)
    harness.claim("a")
    harness.finish("a", DONE)
    harness.repository.record_webhook(harness.record("a"), WebhookState.FAILED, status=503, error=None)
    trace = {"attempts": 1, "lastStatus": 503, "lastError": None}
    assert reader.show("a", tenant=SHARED)["webhook"] == {"state": "failed", **trace}
    assert reader.redeliver_webhook("a", tenant=SHARED)["webhook"] == {"state": "pending", **trace}
    assert [record.id for record in harness.webhooks.sent] == ["a"]
    for _ in range(MAX_REDELIVERIES - 1):
        reader.redeliver_webhook("a", tenant=SHARED)
    with pytest.raises(TooManyRedeliveries, match=f"delivered again {MAX_REDELIVERIES} times"):
        reader.redeliver_webhook("a", tenant=SHARED)
    assert len(harness.webhooks.sent) == MAX_REDELIVERIES


def test_listing_across_runtimes_page_by_page(reader: TaskReader, submit: SubmitTask) -> None:
    names = [f"t{number}" for number in range(7)]
    for number, name in enumerate(names):
        submit(name, "dynamic" if number % 3 == 0 else "sdruntime")
    for limit in (1, 2, 3, 7, 100):
        assert [task["id"] for task in pages(reader, limit=str(limit))] == names[::-1]
    assert [task["id"] for task in pages(reader, runtime="dynamic", limit="2")] == ["t6", "t3", "t0"]


def pages(reader: TaskReader, **parameters: str) -> list[ListedTask]:
    found = []
    token: str | None = ""
    while token is not None:
        page = reader.list(parameters | ({"next": token} if token else {}), tenant=SHARED)
        assert len(page["tasks"]) <= int(parameters["limit"])
        found += page["tasks"]
        token = page["next"]
    return found


def test_a_rare_state_is_found_however_deep(
    harness: Harness, reader: TaskReader, submit: SubmitTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        submit(f"t{number}", "dynamic" if number % 2 else "sdruntime")
    for name in ("t0", "t3", "t8"):
        reader.cancel(name, tenant=SHARED)
    # Small reads, so that one page of the answer takes several of the index, and runs out of them.
    monkeypatch.setattr(task_list, "FIRST_READ_SIZE", 2)
    monkeypatch.setattr(task_list, "READ_SIZE", 2)
    monkeypatch.setattr(task_list, "MAX_READS", 1)
    assert [task["id"] for task in pages(reader, status="CANCELLED", limit="2")] == ["t8", "t3", "t0"]
    assert pages(reader, status="FAILED", limit="5") == []


def test_a_search_has_a_bound_for_all_runtimes_together(
    reader: TaskReader, submit: SubmitTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(16):
        submit(f"t{number}", "dynamic" if number % 2 else "sdruntime")
    sizes: list[int] = []

    def newest(self: TaskRepository, partition: str, *, limit: int, **options: Any) -> Any:
        sizes.append(limit)
        return read(self, partition, limit=limit, **options)

    read = TaskRepository.newest
    monkeypatch.setattr(TaskRepository, "newest", newest)
    monkeypatch.setattr(task_list, "FIRST_READ_SIZE", 1)
    monkeypatch.setattr(task_list, "READ_SIZE", 2)
    monkeypatch.setattr(task_list, "MAX_READS", 3)
    assert pages(reader, text="nowhere", limit="5") == []
    sizes.clear()
    page = reader.list({"text": "nowhere"}, tenant=SHARED)
    assert page["next"]
    assert sizes == [1, 2, 2, 2, 1]


def test_a_list_of_active_tasks_ends_at_the_oldest_one(
    reader: TaskReader, submit: SubmitTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        submit(f"old-{number}")
        reader.cancel(f"old-{number}", tenant=SHARED)
    monkeypatch.setattr(task_list, "FIRST_READ_SIZE", 3)
    monkeypatch.setattr(task_list, "MAX_READS", 0)
    assert reader.list({"status": "IN_QUEUE"}, tenant=SHARED) == {"tasks": [], "next": None}

    for name in ("a", "b"):
        submit(name)
    page = reader.list({"status": "IN_QUEUE"}, tenant=SHARED)
    assert ([task["id"] for task in page["tasks"]], page["next"]) == (["b", "a"], None)


def test_a_list_of_active_tasks_ends_when_those_of_the_next_page_have_ended(
    reader: TaskReader, submit: SubmitTask
) -> None:
    for name in ("a", "b", "c"):
        submit(name)
    token = reader.list({"status": "IN_QUEUE", "limit": "1"}, tenant=SHARED)["next"] or ""
    for name in ("a", "b", "c"):
        reader.cancel(name, tenant=SHARED)
    submit("d")
    page = reader.list({"status": "IN_QUEUE", "limit": "1", "next": token}, tenant=SHARED)
    assert page == {"tasks": [], "next": None}


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"limit": "9" * 50}, "limit"),
        ({"limit": "0" * 8 + "1000"}, "limit"),
        ({"status": "RUNNING"}, "status"),
        ({"runtime": "nowhere"}, "runtime"),
        ({"next": "???"}, "next"),
        ({"next": "W10"}, "next"),
        ({"page": "2"}, "page"),
    ],
)
def test_broken_parameters_are_named(reader: TaskReader, parameters: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidTask) as refusal:
        reader.list(parameters, tenant=SHARED)
    assert [detail.field for detail in refusal.value.details] == [field]


def test_all_broken_parameters_at_once(reader: TaskReader) -> None:
    with pytest.raises(InvalidTask) as refusal:
        reader.list({"limit": "x", "status": "x", "runtime": "x", "next": "x", "x": "x"}, tenant=SHARED)
    assert len(refusal.value.details) == 5


@given(st.text(max_size=60))
def test_no_token_breaks_the_listing(token: str) -> None:
    positions = task_list._positions(token)
    assert positions is None or isinstance(positions, dict)
