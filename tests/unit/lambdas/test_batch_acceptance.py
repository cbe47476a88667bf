"""Acceptance of batches: every form, every error at once, prompt matrices, and repetitions."""

import hashlib
import json

import pytest

from contract.batch import MAX_BATCH_TASKS, SUBMIT_GRACE_MS
from contract.errors import (
    FieldError,
    IdInUse,
    InvalidTask,
    MessageTooLarge,
)
from contract.json_values import canonical_json
from contract.record import Status
from contract.tenancy import SHARED
from lambdas.batch_api.batch_check import CHECK_SECONDS
from tests.unit.lambdas.batches import Batches, plain_task
from tests.unit.lambdas.harness import Harness


@pytest.fixture
def batches(harness: Harness) -> Batches:
    return Batches(harness)


def errors_of(batches: Batches, body: object, query: dict[str, str] | None = None) -> list[FieldError]:
    with pytest.raises(InvalidTask) as refused:
        batches.accept(body, request="r1", tenant=SHARED, **(query or {}))
    assert batches.harness.batch_queue.sent == []
    return list(refused.value.details)


def sent_ids(batches: Batches) -> list[str]:
    return [json.loads(body)["task"]["metadata"]["id"] for body, _ in batches.harness.task_topic.sent]


class TestAcceptance:
    def test_a_batch_is_recorded_before_its_tasks_are(self, batches: Batches) -> None:
        batch = batches.send([plain_task("a"), plain_task()], context={"order": 7})
        assert (batch.status, batch.task_count, batch.counts["active"]) == (Status.IN_PROGRESS, 2, 2)
        assert batches.harness.batch_queue.sent == ["batch/b"]
        assert sent_ids(batches) == []
        batches.advance()
        assert sent_ids(batches) == ["a", "b-2"]
        record = batches.harness.record("b-2")
        assert (record.batch, record.batch_number, record.key_name) == ("b", 2, "default")

    def test_a_recorded_batch_is_accepted_although_its_queue_refuses(
        self, batches: Batches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(key: str, *, delay_seconds: int = 0) -> None:
            raise ConnectionError(f"{key} is not sent, also not after {delay_seconds} s")

        monkeypatch.setattr(batches.harness.batch_queue, "send", refuse)
        # Without an id, a repetition would be another batch.
        batch = batches.accept([plain_task()])
        assert batch.next_check_at_ms == batches.harness.now_ms + SUBMIT_GRACE_MS
        with pytest.raises(ConnectionError):
            batches.accept([plain_task()])
        monkeypatch.undo()
        assert batches.accept([plain_task()]).id == batch.id
        assert batches.harness.batch_queue.sent == [batch.key]

    @pytest.mark.parametrize("form", ["lines", "array", "link"])
    def test_the_same_tasks_in_every_form(self, batches: Batches, form: str) -> None:
        tasks = [plain_task("a"), plain_task("c")]
        lines = "\n".join(json.dumps(task) for task in tasks) + "\n"
        if form == "lines":
            batches.accept(lines, id="b")
        elif form == "array":
            batches.accept(tasks, id="b")
        else:
            batches.harness.s3.put_object(Bucket="task-bucket", Key="uploads/x.jsonl", Body=lines.encode())
            batches.accept({"id": "b", "tasks_link": "s3://task-bucket/uploads/x.jsonl"})
        batches.advance()
        assert sent_ids(batches) == ["a", "c"]

    def test_every_error_of_every_line_is_named_at_once(self, batches: Batches) -> None:
        lines = [
            json.dumps(plain_task("a")),
            "",
            '{"task": {',
            json.dumps(plain_task("../a")),
            json.dumps(plain_task("a")),
            json.dumps({"task": {"metadata": {}, "content": {"width": 65536}}}),
        ]
        assert [error.field for error in errors_of(batches, "\n".join(lines))] == ["line 3"]
        del lines[2]
        found = {error.field: error.message for error in errors_of(batches, "\n".join(lines))}
        assert list(found) == [
            "line 3: task.metadata.id",
            "line 4: task.metadata.id",
            "line 5: task.metadata.runtime",
            "line 5: task.metadata.tasktype",
        ]
        assert "duplicate id 'a', as in line 1" in found["line 4: task.metadata.id"]

    @pytest.mark.parametrize(
        ("body", "query", "fields"),
        [
            ([], {}, ["tasks"]),
            ([1, plain_task("x")], {}, ["[0]"]),
            ({"tasks": [plain_task("x")], "tasks_link": "s3://a/b"}, {}, ["tasks"]),
            ({"tasks": 5}, {}, ["tasks"]),
            ({"tasks_link": "https://example.com/x"}, {}, ["tasks_link"]),
            ({"tasks_link": "s3://task-bucket/messages/x"}, {}, ["tasks_link"]),
            ({"tasks_link": "s3://task-bucket/uploads/none.jsonl"}, {}, ["tasks_link"]),
            ({"tasks": [plain_task("x")], "callbak": True}, {}, ["callbak"]),
            ({"tasks": [plain_task("x")], "webhook": "http://a.example"}, {}, ["webhook"]),
            ({"tasks": [plain_task("x")]}, {"id": "b"}, ["id"]),
            ([plain_task("x")], {"id": "a/b"}, ["id"]),
            ([plain_task("\ud800" * 200, "{a|b}")], {"expand": "true"}, ["[0].task.metadata.id"]),
            ([plain_task("x")] * (MAX_BATCH_TASKS + 1), {}, ["tasks"]),
            ([plain_task("x", "{a|b}{")], {"expand": "true"}, ["[0].task.content.prompt"]),
            ([plain_task("x", "{a|b}" * 11)], {"expand": "true"}, ["[0].task.content.prompt"]),
            ([{"alwayson_scripts": {"id_task": "x"}, "prompt": "{"}], {"expand": "true"}, ["[0].prompt"]),
            ([plain_task(f"x{n}", "{a|b}" * 9) for n in (1, 2)], {"expand": "true"}, ["tasks"]),
            ([plain_task("x", "{a|b}" * 9) | {"picture": "A" * 40_000}], {"expand": "true"}, ["tasks"]),
        ],
    )
    def test_what_is_no_batch_is_explained(
        self, batches: Batches, body: object, query: dict[str, str], fields: list[str]
    ) -> None:
        assert [error.field for error in errors_of(batches, body, query)] == fields

    def test_a_token_is_not_stored_with_a_batch(self, batches: Batches) -> None:
        metadata = {"id": "x", "runtime": "dynamic", "tasktype": "webui-api"}
        call = {"api": {"method": "POST", "endpoint": "v1/sync"}, "payload": {"repo_id": "a/b", "hf_token": "hf_x"}}
        [error] = errors_of(batches, [{"task": {"metadata": metadata, "content": call}}])
        assert (error.field, "send this task alone" in error.message) == ("[0].task.content.payload", True)

    def test_a_link_of_another_is_found_before_anything_is_submitted(self, batches: Batches) -> None:
        task = plain_task("x")
        task["task"]["metadata"]["tasktype"] = "image-to-image"
        task["task"]["content"]["init_images"] = ["s3://task-bucket/uploads/none.png"]
        [error] = errors_of(batches, [plain_task("a"), task])
        assert error.field == "[1].task.content.init_images[0]"

    def test_a_check_that_takes_too_long_is_given_up(self, batches: Batches) -> None:
        times = iter([0.0, CHECK_SECONDS + 1])
        with pytest.raises(MessageTooLarge, match="fewer tasks"):
            batches.acceptance(clock=lambda: next(times)).accept(
                json.dumps([plain_task()]), content_type="", query={}, caller=batches.caller()
            )

    def test_choices_expand_on_request_only(self, batches: Batches) -> None:
        matrix = plain_task("m", "a {red|blue} {circle|star}")
        batches.send([matrix], expand=True)
        batches.accept([plain_task("plain", "a {red|blue}")], id="c")
        batches.advance()
        prompts = [json.loads(body)["task"]["content"]["prompt"] for body, _ in batches.harness.task_topic.sent]
        assert prompts == ["a red circle", "a red star", "a blue circle", "a blue star", "a {red|blue}"]
        assert sent_ids(batches) == ["m-1", "m-2", "m-3", "m-4", "plain"]

    def test_long_ids_that_begin_alike_stay_different_when_they_expand(self, batches: Batches) -> None:
        batches.send([plain_task(f"{'a' * 125}-{number}", "a {red|blue}") for number in (1, 2)], expand=True)
        batches.advance()
        assert len(set(sent_ids(batches))) == 4
        assert {len(name) for name in sent_ids(batches)} == {122}

    def test_a_task_without_an_id_fits_into_a_batch_with_a_long_one(self, batches: Batches) -> None:
        batches.accept({"id": "b" * 128, "tasks": [plain_task()]})
        batches.advance()
        [name] = sent_ids(batches)
        assert (name.startswith("b" * 111 + "-"), name.endswith("-1"), len(name)) == (True, True, 122)

    def test_the_older_format_and_calls_expand_too(self, batches: Batches) -> None:
        scripts = {"task": "text-to-image", "sd_model_checkpoint": "painting.safetensors"}
        call = {"api": {"method": "POST", "endpoint": "sdapi/v1/txt2img"}, "payload": {"prompt": "{c|d}"}}
        metadata = {"id": "call", "runtime": "sdruntime", "tasktype": "webui-api"}
        batches.send(
            [{"alwayson_scripts": scripts, "prompt": "{a|b}"}, {"metadata": metadata, "content": call}], expand=True
        )
        batches.advance()
        assert sent_ids(batches) == ["b-1", "b-2", "call-1", "call-2"]

    def test_an_option_that_a_newer_release_adds_makes_no_other_batch(self, batches: Batches) -> None:
        sent = [{"callback": True}, plain_task("a")]
        batch = batches.send(sent[1:], callback=True)
        assert batch.fingerprint == hashlib.sha256(canonical_json(sent).encode()).hexdigest()

    def test_a_repetition_is_the_same_batch_and_other_content_is_not(self, batches: Batches) -> None:
        first = batches.send([plain_task("a")])
        assert batches.accept({"id": "b", "tasks": [plain_task("a")]}, request="r2").run_id == first.run_id
        with pytest.raises(IdInUse):
            batches.accept({"id": "b", "tasks": [plain_task("a", "A cat")]}, request="r3")
        batches.advance()
        assert sent_ids(batches) == ["a"]
