import contextlib
import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import IdInUse, RuntimeNotFound
from contract.json_values import canonical_json
from contract.message import TaskMessage
from contract.record import Status
from contract.routing import Catalogue, Runtime
from contract.storage import MAX_INLINE_MESSAGE_BYTES, decode_pointer
from contract.transitions import Outcome
from tests.unit.lambdas.harness import Harness, MakeTask

DONE = Outcome(Status.COMPLETED, image_urls=("s3://b/k",), output_url="s3://b/o")


def test_a_task_is_recorded_and_published(harness: Harness, make_task: MakeTask) -> None:
    record = harness.submit(make_task(), "s1")
    stored = harness.record("test-t2i")
    assert (stored.status, stored.published_at_ms, stored.runtime) == (Status.IN_QUEUE, harness.now_ms, "sdruntime")
    [(body, attributes)] = harness.task_topic.sent
    message = TaskMessage.model_validate(json.loads(body))
    assert (message.run_id, message.checkpoint) == (record.run_id, "v1-5-pruned-emaonly.safetensors")
    assert message.task.content == {"prompt": "A dog"}
    named = {"id": "test-t2i", "runtime": "sdruntime", "tasktype": "text-to-image"}
    assert attributes == named | {"priority": "normal"}


def test_a_repeated_submission_changes_nothing_even_after_the_end(harness: Harness, make_task: MakeTask) -> None:
    harness.submit(make_task(), "s1")
    harness.submit(make_task(), "s1")
    harness.claim("test-t2i")
    harness.submit(make_task(), "s1")
    harness.finish("test-t2i", DONE)
    harness.submit(make_task(), "s1")
    assert harness.record("test-t2i").status is Status.COMPLETED
    assert len(harness.task_topic.sent) == 1


def test_the_same_content_while_active_is_the_same_task(harness: Harness, make_task: MakeTask) -> None:
    first = harness.submit(make_task(), "s1")
    second = harness.submit(make_task(), "s2")
    assert second.run_id == first.run_id
    assert len(harness.task_topic.sent) == 1


def test_a_default_that_a_newer_release_adds_makes_no_other_content(harness: Harness, make_task: MakeTask) -> None:
    record = harness.submit(make_task(), "s1")
    # A message leaves out defaults.
    sent = json.loads(harness.task_topic.sent[0][0])["task"] | {"checkpoint": record.checkpoint}
    assert record.fingerprint == hashlib.sha256(canonical_json(sent).encode()).hexdigest()


def test_other_content_while_active_is_refused_and_harms_nothing(harness: Harness, make_task: MakeTask) -> None:
    harness.submit(make_task(), "s1")
    before = harness.record("test-t2i")
    for body in (make_task(content={"prompt": "A cat"}), make_task(context=1), make_task(prefix="else")):
        with pytest.raises(IdInUse, match="IN_QUEUE with other content"):
            harness.submit(body, "s2")
    assert harness.record("test-t2i") == before
    assert len(harness.task_topic.sent) == 1


def test_after_the_end_a_new_run_begins(harness: Harness, make_task: MakeTask) -> None:
    first = harness.submit(make_task(), "s1")
    harness.claim("test-t2i")
    harness.finish("test-t2i", DONE)
    second = harness.submit(make_task(), "s2")
    assert second.run_id != first.run_id
    stored = harness.record("test-t2i")
    assert (stored.status, stored.run_id, stored.image_urls, stored.expires_at) == (
        Status.IN_QUEUE,
        second.run_id,
        (),
        None,
    )
    assert len(harness.task_topic.sent) == 2


@pytest.mark.parametrize(
    ("size", "in_record", "by_pointer"),
    [(100, True, False), (5_000, False, False), (MAX_INLINE_MESSAGE_BYTES, False, True)],
)
def test_large_bodies_go_through_the_bucket(
    harness: Harness, make_task: MakeTask, size: int, in_record: bool, by_pointer: bool
) -> None:
    record = harness.submit(make_task(content={"prompt": "ü" * (size // 6)}), "s1")
    [(body, attributes)] = harness.task_topic.sent
    pointer = decode_pointer(body)
    assert (pointer is not None) == by_pointer
    assert ("ExtendedPayloadSize" in attributes) == by_pointer
    assert (record.message is not None) == in_record
    full = harness.task_bucket.resolve(body)
    assert TaskMessage.model_validate(json.loads(full)).task.content["prompt"] == "ü" * (size // 6)
    assert len(body) <= MAX_INLINE_MESSAGE_BYTES


@pytest.mark.parametrize("fails_after_sending", [False, True])
@pytest.mark.parametrize("size", [10, 300_000])
def test_a_crash_around_publishing_is_repaired_by_the_next_delivery(
    harness: Harness, make_task: MakeTask, fails_after_sending: bool, size: int
) -> None:
    body = make_task(content={"note": "x" * size})
    harness.task_topic.failures = 1
    harness.task_topic.fails_after_sending = fails_after_sending
    with pytest.raises(Exception, match="AWS refuses"):
        harness.submit(body, "s1")
    assert harness.record("test-t2i").published_at_ms is None
    harness.submit(body, "s1")
    assert harness.record("test-t2i").published_at_ms is not None
    runs = {json.loads(harness.task_bucket.resolve(sent))["run"] for sent, _ in harness.task_topic.sent}
    assert runs == {harness.record("test-t2i").run_id}


def test_a_task_whose_runtime_was_removed_is_not_retried(harness: Harness, make_task: MakeTask) -> None:
    record = harness.submit(make_task(), "s1")
    harness.repository.finish_active(record, Outcome(Status.FAILED, error={"code": "failed", "message": "x"}))
    submission = harness.submission_of(Catalogue([Runtime(name="other", dynamic_model=True)]))
    with pytest.raises(RuntimeNotFound):
        submission.retry(harness.record(record.id), submission_id="s2", key_name=None)
    assert harness.record(record.id).status is Status.FAILED
    assert len(harness.task_topic.sent) == 1


steps = st.lists(
    st.tuples(st.sampled_from(["s1", "s2", "s3"]), st.sampled_from(["dog", "cat"]), st.integers(0, 2)), max_size=8
)


@pytest.mark.parametrize("examples", [8, pytest.param(50, marks=pytest.mark.slow)])
def test_one_run_is_active_after_any_order_of_submissions_and_failures(
    harness: Harness, make_task: MakeTask, examples: int
) -> None:
    @settings(max_examples=examples)
    @given(steps)
    def check(drawn: list[tuple[str, str, int]]) -> None:
        check_one_run_is_active(harness, make_task, drawn)

    check()


def check_one_run_is_active(harness: Harness, make_task: MakeTask, steps: list[tuple[str, str, int]]) -> None:
    task_id = f"task-{abs(hash(tuple(steps)))}"
    harness.task_topic.sent.clear()
    taken = set()
    for submission_id, prompt, failure in steps:
        harness.task_topic.failures = int(failure > 0)
        harness.task_topic.fails_after_sending = failure == 2
        with contextlib.suppress(IdInUse, ConnectionError):
            taken.add(harness.submit(make_task(task_id, {"prompt": prompt}), submission_id).run_id)
    record = harness.repository.read(task_id)
    if record is None:
        assert not taken
        return
    # Nothing ended, so there is one run only, and every message that went out was of that run.
    assert taken <= {record.run_id}
    assert {json.loads(body)["run"] for body, _ in harness.task_topic.sent} <= {record.run_id}
    assert record.status is Status.IN_QUEUE


@pytest.mark.parametrize("padding", [0, 10_000], ids=["in the record", "in the bucket"])
@pytest.mark.parametrize(
    ("endpoint", "call"),
    [
        ("v1/sync", {"repo_id": "a/b", "sync_path": "VAE", "hf_token": "hf_secret"}),
        (
            "/v1/download",
            {"repo_id": "a/b", "source_url": "https://a:hf_secret@x/m.safetensors?token=hf_secret#hf_secret"},
        ),
    ],
)
def test_a_secret_is_published_and_never_stored(
    harness: Harness, padding: int, endpoint: str, call: dict[str, str]
) -> None:
    payload = call | {"note": "x" * padding}
    content = {"api": {"method": "POST", "endpoint": endpoint}, "payload": payload}
    metadata = {"id": "a", "runtime": "dynamic", "tasktype": "webui-api"}
    record = harness.submit({"task": {"metadata": metadata, "content": content}}, "s1")
    [(body, _)] = harness.task_topic.sent
    assert "hf_secret" in body
    stored = harness.task_bucket.get(record.message_key) if record.message_key else record.message
    assert stored is not None
    assert "hf_secret" not in stored
    assert '"repo_id":"a/b"' in stored


@pytest.mark.parametrize("padding", [0, 10_000], ids=["in the record", "in the bucket"])
@pytest.mark.parametrize("submission_id", ["s1", "s2"], ids=["redelivery", "repetition by the sender"])
def test_a_message_that_was_not_published_keeps_its_secret(harness: Harness, padding: int, submission_id: str) -> None:
    payload = {"repo_id": "a/b", "sync_path": "VAE", "hf_token": "hf_secret", "note": "x" * padding}
    content = {"api": {"method": "POST", "endpoint": "v1/sync"}, "payload": payload}
    body = {"task": {"metadata": {"id": "a", "runtime": "dynamic", "tasktype": "webui-api"}, "content": content}}
    harness.task_topic.failures = 1
    with pytest.raises(ConnectionError):
        harness.submit(body, "s1")
    record = harness.submit(body, submission_id)
    [(sent, _)] = harness.task_topic.sent
    message = TaskMessage.model_validate(json.loads(sent))
    assert message.task.content["payload"]["hf_token"] == "hf_secret"
    assert (message.run_id, message.submitted_at_ms) == (record.run_id, record.submitted_at_ms)
