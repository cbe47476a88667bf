"""Hostile input: bodies that would be retried for ever, or answered wrongly, without a check at the edge."""

import base64
import hashlib
import json
from typing import Any

import pytest

from contract.errors import InvalidJson, InvalidTask, MessageTooLarge
from contract.formats import Format
from contract.json_values import MAX_DEPTH, parse_json_object
from contract.record import REAPER_RETRY_MS, Record, Status
from contract.storage import MAX_MESSAGE_BYTES, POINTER_CLASS, SHA256_METADATA
from contract.submission import parse_submission
from contract.tenancy import Tenancy
from contract.transitions import Outcome
from lambdas.fail_dead_letters.dead_letter_processor import DeadLetterProcessor
from lambdas.route_tasks.task_router import TaskRouter
from lambdas.tasks.task_list import parse_query
from task_store.envelope import Delivery
from tests.unit.lambdas.harness import Harness, MakeTask

#: Bytes of body and attributes that SNS accepts together.
MAX_SNS_BYTES = 256 * 1024


def router(harness: Harness) -> TaskRouter:
    return TaskRouter(
        tenancy=Tenancy(),
        task_bucket=harness.task_bucket,
        submission=harness.submission,
        completion_topic=harness.completion_topic,
    )


def settle(harness: Harness, function: str, text: str, message_id: str = "m-1") -> None:
    delivery = Delivery(message_id, text, {})
    if function == "route_tasks":
        router(harness).route(delivery)
    else:
        processor = DeadLetterProcessor(
            tenancy=Tenancy(),
            repository=harness.repository,
            task_bucket=harness.task_bucket,
            completion_topic=harness.completion_topic,
        )
        processor.process(delivery)


@pytest.mark.parametrize("function", ["route_tasks", "fail_dead_letters"])
def test_a_rejection_fits_a_message_whatever_its_context(harness: Harness, make_task: MakeTask, function: str) -> None:
    settle(harness, function, json.dumps(make_task(context="é" * 100_000), ensure_ascii=False))
    ((body, _),) = harness.completion_topic.sent
    assert len(body) < MAX_SNS_BYTES
    assert json.loads(body)["context"] is None


@pytest.mark.parametrize("id_", ["a\x01b", "a\nb", "\ud800", "💥"])
def test_a_rejections_attributes_can_be_sent(harness: Harness, make_task: MakeTask, id_: str) -> None:
    settle(harness, "route_tasks", json.dumps(make_task(id_)))
    ((_, attributes),) = harness.completion_topic.sent
    assert attributes["id"].isascii()
    assert attributes["id"].isprintable()


@pytest.mark.parametrize(
    ("metadata", "content"),
    [
        ({}, {"\ud800": 1}),
        ({}, {"alwayson_scripts": {"x": {"args": [{"\udfff": 1}]}}}),
        ({"context": {"\ud800": 1}}, {}),
        ({"webhook": "https://x/\ud800"}, {}),
        ({"webhook": "https://\ud800.example/"}, {}),
    ],
)
def test_half_a_surrogate_pair_is_the_senders_mistake(
    harness: Harness, make_task: MakeTask, metadata: dict[str, Any], content: dict[str, Any]
) -> None:
    settle(harness, "route_tasks", json.dumps(make_task(content=content, **metadata)))
    ((body, _),) = harness.completion_topic.sent
    assert json.loads(body)["error"]["code"] in {"invalid_json", "invalid_task"}
    payload = {"prompt": "a"} | content
    request = {"input": {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": payload}} | metadata
    if "context" not in metadata:
        with pytest.raises((InvalidJson, InvalidTask)):
            parse_submission(
                parse_json_object(json.dumps(request)),
                catalogue=harness.catalogue,
                find_checkpoint=harness.models.find_checkpoint,
                has_object=harness.models.has_object,
                format_=Format.RUNPOD,
                runtime_name="sdruntime",
                generated_id="job",
            )


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_half_a_surrogate_pair_in_a_value_goes_through(harness: Harness, make_task: MakeTask, text: str) -> None:
    settle(harness, "route_tasks", json.dumps(make_task(content={"prompt": text, "styles": [text]}, context=text)))
    assert harness.completion_topic.sent == []
    assert json.loads(harness.task_topic.sent[0][0])["task"]["content"]["prompt"] == text


@pytest.mark.parametrize("name", ["x" * 2000, "../../etc/passwd", "\ud800", "a\x00b", ""])
def test_a_checkpoint_that_is_no_key(harness: Harness, name: str) -> None:
    scripts = {"task": "text-to-image", "id_task": "old", "sd_model_checkpoint": name}
    settle(harness, "route_tasks", json.dumps({"alwayson_scripts": scripts, "prompt": "x"}))
    ((body, _),) = harness.completion_topic.sent
    assert "sd_model_checkpoint" in json.loads(body)["error"]["message"]


def test_a_checkpoint_may_be_named_by_its_title(harness: Harness) -> None:
    assert harness.models.find_checkpoint("painting.safetensors [0a1b2c3d]") == "painting.safetensors"


def test_a_checkpoint_may_be_named_without_its_ending(harness: Harness) -> None:
    assert harness.models.find_checkpoint("painting") == "painting.safetensors"
    assert harness.models.find_checkpoint("painting [0a1b2c3d]") == "painting.safetensors"
    assert harness.models.find_checkpoint("paint") is None


def test_a_checkpoint_may_be_named_without_its_folder_or_by_its_hash(harness: Harness) -> None:
    sha256 = hashlib.sha256(b"other weights").hexdigest()
    key, metadata = "Stable-diffusion/sub/photo.safetensors", {SHA256_METADATA: sha256}
    harness.s3.put_object(Bucket="model-bucket", Key=key, Body=b"other weights", Metadata=metadata)
    for name in ("photo.safetensors", "photo", "sub/photo", sha256, sha256[:10], sha256[:10].upper()):
        assert harness.models.find_checkpoint(name) == "sub/photo.safetensors", name
    assert harness.models.find_checkpoint("0" * 10) is None
    assert harness.models.find_checkpoint(sha256[:9]) is None


@pytest.mark.parametrize("function", ["route_tasks", "fail_dead_letters"])
@pytest.mark.parametrize("key", ["", "k" * 1100, "\ud800", "nothing/here.json"])
def test_a_pointer_to_nothing(harness: Harness, key: str, function: str) -> None:
    settle(harness, function, json.dumps([POINTER_CLASS, {"s3BucketName": "task-bucket", "s3Key": key}]))
    assert len(harness.completion_topic.sent) == 1


@pytest.mark.parametrize("function", ["route_tasks", "fail_dead_letters"])
def test_a_pointer_to_more_than_a_function_holds(harness: Harness, function: str) -> None:
    harness.s3.put_object(Bucket="task-bucket", Key="huge", Body=b" " * (MAX_MESSAGE_BYTES + 1))
    settle(harness, function, json.dumps([POINTER_CLASS, {"s3BucketName": "task-bucket", "s3Key": "huge"}]))
    assert len(harness.completion_topic.sent) == 1


def test_a_task_that_no_agent_would_read(harness: Harness, make_task: MakeTask) -> None:
    # An é is six characters in JSON's escapes.
    body = make_task(content={"note": "é" * (MAX_MESSAGE_BYTES // 6)})
    with pytest.raises(MessageTooLarge, match="links"):
        harness.submit(body)
    assert harness.repository.read("test-t2i") is None


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def requests_of(levels: int, make_task: MakeTask) -> dict[str, dict[str, Any]]:
    """Return a request of each format with a field that has this number of levels."""
    deep, task = nested(levels), make_task()["task"]
    scripts = {"task": "text-to-image", "id_task": "old", "sd_model_checkpoint": "painting.safetensors"}
    call = {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {"prompt": "a", "note": deep}}
    return {
        "v1alpha2": {"task": task | {"content": {"prompt": "a", "note": deep}}},
        "without the wrapper": task | {"content": {"prompt": "a", "note": deep}},
        "context": {"task": task | {"metadata": task["metadata"] | {"context": deep}}},
        "v1alpha1": {"prompt": "a", "note": deep, "alwayson_scripts": scripts},
        "runpod": {"input": call},
    }


@pytest.mark.parametrize("name", ["v1alpha2", "without the wrapper", "context", "v1alpha1", "runpod"])
def test_a_message_is_never_too_deep_for_its_readers(harness: Harness, make_task: MakeTask, name: str) -> None:
    accepted = []
    for levels in range(MAX_DEPTH - 8, MAX_DEPTH + 1):
        try:
            body = parse_json_object(json.dumps(requests_of(levels, make_task)[name]))
            runpod: dict[str, Any] = {"runtime_name": "sdruntime", "generated_id": "job"} if name == "runpod" else {}
            record = harness.submit(body, f"s-{levels}", **runpod)
        except InvalidJson:
            continue
        accepted.append(levels)
        harness.claim(record.id)
        harness.finish(record.id, Outcome(Status.COMPLETED))
    assert MAX_DEPTH - 8 < max(accepted) < MAX_DEPTH
    assert len(harness.task_topic.sent) == len(accepted)
    for message, _ in harness.task_topic.sent:
        parse_json_object(message)


@pytest.mark.parametrize(
    "positions",
    [{"sdruntime": [10**60, "a"]}, {"sdruntime": [-1, "a"]}, {"sdruntime": [5, ""]}, {"dynamic": [5, "💥"]}],
)
def test_a_made_up_token(harness: Harness, positions: dict[str, Any]) -> None:
    token = base64.urlsafe_b64encode(json.dumps(positions).encode()).decode().rstrip("=")
    with pytest.raises(InvalidTask, match="next"):
        parse_query({"next": token}, harness.catalogue)


@pytest.mark.parametrize(
    "limit", ["0", "101", "x", "000000100" + "0" * 5000, "0000001009999"], ids=lambda limit: limit[:20]
)
def test_a_limit_that_is_no_small_number(harness: Harness, limit: str) -> None:
    with pytest.raises(InvalidTask, match=r"limit: is .* write a number from 1 to 100"):
        parse_query({"limit": limit}, harness.catalogue)


def test_redelivery_of_an_older_run_neither_runs_nor_is_refused(harness: Harness, make_task: MakeTask) -> None:
    first, second = json.dumps(make_task()), json.dumps(make_task(content={"steps": 2}))
    settle(harness, "route_tasks", first, "first")
    end(harness)
    settle(harness, "route_tasks", second, "second")
    settle(harness, "route_tasks", first, "first")
    assert harness.completion_topic.sent == []
    end(harness)
    settle(harness, "route_tasks", first, "first")
    assert len(harness.task_topic.sent) == 2
    assert harness.record("test-t2i").submission_id == "second"


def end(harness: Harness) -> None:
    harness.claim("test-t2i")
    harness.finish("test-t2i", Outcome(Status.COMPLETED))


def submitted(harness: Harness, make_task: MakeTask, **options: Any) -> Record:
    body = make_task(**options)
    harness.task_topic.failures = 1
    with pytest.raises(ConnectionError):
        harness.submit(body, f"s-{body['task']['metadata']['id']}")
    recorded: Record = harness.record(body["task"]["metadata"]["id"])
    return recorded


def sweep(harness: Harness, later_ms: int) -> None:
    harness.now_ms += later_ms
    harness.reaper().run()


def test_a_task_whose_message_is_gone_fails(harness: Harness, make_task: MakeTask) -> None:
    record = submitted(harness, make_task, content={"note": "x" * 6000})
    harness.s3.delete_object(Bucket="task-bucket", Key=record.message_key)
    sweep(harness, 60_000)
    found = harness.record(record.id)
    assert found.status is Status.FAILED
    assert harness.error_code(record.id) == "message_lost"


def test_a_task_that_cannot_be_settled_is_looked_at_less_often(harness: Harness, make_task: MakeTask) -> None:
    record = submitted(harness, make_task)
    harness.task_topic.failures = 1
    sweep(harness, 60_000)
    assert harness.record(record.id).next_check_at_ms == harness.now_ms + REAPER_RETRY_MS
    sweep(harness, REAPER_RETRY_MS)
    assert harness.record(record.id).published_at_ms


def test_a_final_task_is_never_looked_at_again(harness: Harness, make_task: MakeTask) -> None:
    record = submitted(harness, make_task)
    outcome = Outcome(Status.FAILED, error={"code": "c", "message": "m"})
    harness.repository.finish_active(record, outcome)
    harness.now_ms += 10**9
    assert not harness.repository.defer(record.id)
