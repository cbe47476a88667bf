"""Batches: submitted in steps, counted exactly, cancelled, and their failures sent again."""

import contextlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from contract.batch import COMPARE_INTERVAL_MS, MAX_BATCH_TASKS, SUBMIT_GRACE_MS, Batch, BatchTaskState, tasks_key
from contract.callback import callback_for
from contract.errors import (
    BatchFinished,
    BatchNotFinished,
    BatchNotFound,
    DarkroomError,
    NotRetryable,
    TooManyActiveTasks,
)
from contract.json_values import compact_json
from contract.record import Status
from contract.task import MAX_CONTEXT_BYTES, MAX_WEBHOOK_LENGTH
from contract.tenancy import Tenancy
from contract.webhook import decode_webhook, encode_webhook
from lambdas.advance_batches.batch_worker import MAX_REFUSAL_LENGTH, STEP
from lambdas.runtime.aws_errors import AwsUnavailable
from lambdas.tasks.active_task_limit import ActiveTaskLimit
from task_store.active_runs import ActiveRuns
from tests.unit.lambdas.batches import DONE, FAILED, Batches, always, plain_task
from tests.unit.lambdas.harness import Harness


@pytest.fixture
def batches(harness: Harness) -> Batches:
    return Batches(harness)


def sent_ids(batches: Batches) -> list[str]:
    return [json.loads(body)["task"]["metadata"]["id"] for body, _ in batches.harness.task_topic.sent]


class TestSubmission:
    def test_a_call_without_time_goes_on_with_the_next(self, batches: Batches) -> None:
        batches.send([plain_task() for _ in range(STEP + 1)])
        turns = iter([True, False])
        batches.advance(lambda: next(turns))
        assert (batches.read().submitted_count, len(sent_ids(batches))) == (STEP, STEP)
        batches.advance()
        assert batches.read().submitted_count == len(sent_ids(batches)) == STEP + 1
        assert batches.harness.batch_queue.sent == []

    def test_a_killed_call_is_repeated_by_the_reaper_and_submits_nothing_twice(
        self, batches: Batches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed(BaseException):
            """Raised in place of a kill, so no handler may catch it."""

        submit = batches.harness.submission.submit

        def killed(body: dict[str, Any], **options: Any) -> Any:
            record = submit(body, **options)
            if options["batch_number"] == STEP + 3:
                raise Killed
            return record

        batches.send([plain_task() for _ in range(2 * STEP)])
        key = batches.harness.batch_queue.sent.pop()
        with monkeypatch.context() as patched:
            patched.setattr(batches.harness.submission, "submit", killed)
            with pytest.raises(Killed):
                batches.worker.advance(key, has_time=always)
        assert (batches.read().submitted_count, len(sent_ids(batches))) == (STEP, STEP + 3)
        batches.harness.reaper().run()
        assert batches.harness.batch_queue.sent == []
        batches.harness.now_ms += SUBMIT_GRACE_MS + 1
        batches.harness.reaper().run()
        assert batches.harness.batch_queue.sent == [key]
        batches.advance()
        batches.worker.advance(key, has_time=always)
        assert sent_ids(batches) == [f"b-{number}" for number in range(1, 2 * STEP + 1)]

    def test_a_task_that_is_refused_later_ends_as_refused(self, batches: Batches) -> None:
        batches.send([plain_task("a"), plain_task("c")])
        batches.harness.submit(plain_task("a", "something else"), "other")
        batches.advance()
        batch = batches.read()
        assert (batch.counts["refused"], batch.counts["active"]) == (1, 1)
        page = batches.reader.tasks(batch, {"state": "refused"})
        assert [(task["id"], task["error"]["code"]) for task in page["tasks"]] == [("a", "id_in_use")]

    @pytest.mark.parametrize(
        ("error", "passes"),
        [
            (EndpointConnectionError(endpoint_url="http://aws"), True),
            (ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem"), True),
            (ClientError({"Error": {"Code": "ValidationException"}}, "PutItem"), False),
            (TypeError("a mistake of ours"), False),
        ],
        ids=str,
    )
    def test_an_outage_is_waited_out_and_a_defect_stops_no_other_task(
        self, batches: Batches, monkeypatch: pytest.MonkeyPatch, error: Exception, *, passes: bool
    ) -> None:
        batches.send([plain_task("a"), plain_task("c")])
        submit = batches.harness.submission.submit

        def fail(body: dict[str, Any], **options: Any) -> Any:
            if options["batch_number"] == 1:
                raise error
            return submit(body, **options)

        monkeypatch.setattr(batches.harness.submission, "submit", fail)
        with pytest.raises(type(error)) if passes else contextlib.nullcontext():
            batches.advance()
        assert (batches.read().counts["refused"], sent_ids(batches)) == ((0, []) if passes else (1, ["c"]))

    def test_a_task_that_runs_outside_of_the_batch_is_not_its(self, batches: Batches) -> None:
        batches.harness.submit(plain_task("a"), "other")
        batches.send([plain_task("a")])
        batches.advance()
        assert (batches.read().status, batches.read().counts["refused"]) == (Status.FAILED, 1)

    def test_a_key_at_its_limit_continues_when_tasks_have_ended(
        self, batches: Batches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        harness = batches.harness
        runs = ActiveRuns(client=harness.dynamodb, table_name="tasks")
        limit = ActiveTaskLimit(runs=runs, repository=harness.repository, limit=2)
        monkeypatch.setattr(harness.submission, "limit", limit)
        batches.send([plain_task() for _ in range(3)])
        batches.advance()
        assert sent_ids(batches) == ["b-1", "b-2"]
        batches.end("b-1")
        runs.release_run(harness.record("b-1"))
        batches.advance()
        assert sent_ids(batches) == ["b-1", "b-2", "b-3"]

    def test_a_batch_whose_tasks_are_gone_fails(self, batches: Batches) -> None:
        batch = batches.send([plain_task("a")])
        batches.harness.s3.delete_object(Bucket="task-bucket", Key=tasks_key(batch))
        batches.advance()
        assert (batches.read().status, batches.read().counts["failed"]) == (Status.FAILED, 1)

    def test_a_tenants_batch_makes_tasks_of_the_tenant(self, batches: Batches) -> None:
        batches.tenancy = Tenancy(names=("shop", "guest", "boss"), administrators=("boss",))
        shop, guest, boss = (batches.tenancy.of_key(name) for name in ("shop", "guest", "boss"))
        batches.accept({"id": "b", "tasks": [plain_task("a")]}, tenant=shop)
        batches.accept({"id": "b", "tasks": [plain_task("a")]}, tenant=guest)
        batches.advance()
        assert batches.harness.record("shop:a").tenant == "shop"
        batches.end("shop:a")
        assert batches.reader.find("b", shop).status is Status.COMPLETED
        assert batches.reader.find("b", guest).status is Status.IN_PROGRESS
        assert batches.reader.show(batches.reader.find("shop:b", boss), boss)["id"] == "shop:b"
        with pytest.raises(BatchNotFound):
            batches.reader.find("guest:b", shop)
        assert [batch["id"] for batch in batches.reader.list({}, tenant=boss)["batches"]] == ["shop:b", "guest:b"]


class TestEnd:
    def test_the_last_task_ends_the_batch_with_one_callback_and_webhook(self, batches: Batches) -> None:
        batches.send([plain_task("a"), plain_task("c")], callback=True, webhook="https://a.example/b", context=[1])
        batches.advance()
        batches.harness.now_ms += 1000
        batches.end("a")
        batches.report("a")
        assert (batches.read().status, batches.read().counts["completed"]) == (Status.IN_PROGRESS, 1)
        batches.end("c", FAILED)
        batch = batches.read()
        assert (batch.status, batch.expires_at, batch.next_check_at_ms) == (
            Status.FAILED,
            batches.harness.now_ms // 1000 + 3600,
            None,
        )
        batches.notifier.notify(batch)
        body, attributes = batches.harness.completion_topic.sent[-1]
        counts = {"active": 0, "completed": 1, "failed": 1, "cancelled": 0, "timed_out": 0, "refused": 0}
        assert json.loads(body) == {
            "id": "b",
            "tasktype": "batch",
            "status": "failed",
            "result": False,
            "counts": counts,
            "context": [1],
        }
        assert attributes == {"id": "b", "tasktype": "batch", "status": "failed"}
        assert callback_for(decode_webhook(encode_webhook(batch))) == json.loads(body)

    def test_a_batch_that_wants_no_callback_gets_none(self, batches: Batches) -> None:
        batches.send([plain_task("a")])
        batches.advance()
        batches.end("a")
        batches.notifier.notify(batches.read())
        assert [json.loads(body)["id"] for body, _ in batches.harness.completion_topic.sent] == ["a"]
        assert json.loads(batches.harness.completion_topic.sent[0][0])["batch"] == "b"

    def test_a_crash_before_the_end_is_written_is_repaired(
        self, batches: Batches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batches.send([plain_task("a")])
        batches.advance()
        with monkeypatch.context() as patched:
            patched.setattr(batches.harness.batches, "read", lambda _key: None)
            batches.end("a")
        assert batches.read().status is Status.IN_PROGRESS
        batches.report("a")
        assert batches.read().status is Status.COMPLETED

    def test_an_end_that_the_stream_has_lost_is_found(self, batches: Batches) -> None:
        batches.send([plain_task("a"), plain_task("c")])
        batches.advance()
        batches.harness.claim("a")
        batches.harness.finish("a", DONE)
        batches.harness.now_ms += COMPARE_INTERVAL_MS + 1
        batches.harness.reaper().run()
        batches.advance()
        assert batches.read().counts["completed"] == 1
        assert batches.read().next_check_at_ms == batches.harness.now_ms + COMPARE_INTERVAL_MS

    def test_the_end_is_estimated_from_the_pace(self, batches: Batches) -> None:
        batches.send([plain_task() for _ in range(4)])
        batches.advance()
        shown = []
        for number in (1, 2, 3):
            batches.harness.now_ms += 10_000
            batches.end(f"b-{number}")
            shown.append(batches.reader.show(batches.read(), batches.caller().tenant)["estimated_end_at"])
        assert shown == [None, "2023-11-14T22:14:00.000Z", "2023-11-14T22:14:00.000Z"]
        assert batches.reader.show(batches.read(), batches.caller().tenant)["progress"] == 0.75


class TestCancel:
    def test_waiting_running_and_unsubmitted_tasks_end(self, batches: Batches) -> None:
        batches.send([plain_task() for _ in range(STEP + 2)])
        turns = iter([True, False])
        batches.advance(lambda: next(turns))
        batches.end("b-1")
        batches.harness.claim("b-2")
        shown = batches.reader.cancel(batches.read(), batches.caller().tenant)
        assert (shown["status"], shown["cancelled_at"] is not None) == (Status.IN_PROGRESS, True)
        batches.advance()
        for number in range(2, STEP + 1):
            assert batches.harness.record(f"b-{number}").status is Status.CANCELLED
            batches.report(f"b-{number}")
        batch = batches.read()
        assert (batch.status, batch.counts["completed"], batch.counts["cancelled"]) == (Status.CANCELLED, 1, STEP + 1)
        assert len(sent_ids(batches)) == STEP

    def test_a_later_run_of_another_sender_is_left_alone(self, batches: Batches) -> None:
        batches.send([plain_task("a"), plain_task("c")])
        batches.advance()
        batches.harness.claim("a")
        batches.harness.finish("a", DONE)
        batches.harness.submit(plain_task("a", "something else"), "other")
        batches.reader.cancel(batches.read(), batches.caller().tenant)
        batches.advance()
        assert [batches.harness.record(id_).status for id_ in ("a", "c")] == [Status.IN_QUEUE, Status.CANCELLED]

    def test_a_batch_that_has_ended_cannot_be_cancelled(self, batches: Batches) -> None:
        batches.send([plain_task("a")])
        batches.advance()
        batches.end("a")
        with pytest.raises(BatchFinished):
            batches.reader.cancel(batches.read(), batches.caller().tenant)

    def test_a_step_that_a_cancel_overtakes_cancels_what_it_submitted(
        self, batches: Batches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A second call settles the batch while the first one is between a submission and its record."""
        batches.send([plain_task("a"), plain_task("c")])
        submit = batches.harness.submission.submit

        def overtaken(body: dict[str, Any], **options: Any) -> Any:
            if options["batch_number"] == 1:
                batches.reader.cancel(batches.read(), batches.caller().tenant)
                batches.worker.advance("batch/b", has_time=always)
                assert batches.read().status is Status.CANCELLED
            return submit(body, **options)

        monkeypatch.setattr(batches.harness.submission, "submit", overtaken)
        batches.advance()
        assert {batches.harness.record(id_).status for id_ in ("a", "c")} == {Status.CANCELLED}

    @pytest.mark.parametrize("error", [TooManyActiveTasks("the key is full"), AwsUnavailable("AWS is slow")])
    def test_a_step_that_a_cancel_overtakes_and_an_error_ends_is_cancelled_by_its_repetition(
        self, batches: Batches, monkeypatch: pytest.MonkeyPatch, error: DarkroomError
    ) -> None:
        batches.send([plain_task("a"), plain_task("c")])
        submit = batches.harness.submission.submit

        def overtaken(body: dict[str, Any], **options: Any) -> Any:
            if options["batch_number"] == 2:
                raise error
            batches.reader.cancel(batches.read(), batches.caller().tenant)
            batches.worker.advance("batch/b", has_time=always)
            assert batches.read().status is Status.CANCELLED
            return submit(body, **options)

        monkeypatch.setattr(batches.harness.submission, "submit", overtaken)
        with contextlib.suppress(AwsUnavailable):
            batches.advance()
        assert batches.harness.record("a").status is Status.IN_QUEUE
        batches.worker.advance("batch/b", has_time=always)
        assert batches.harness.record("a").status is Status.CANCELLED


class TestRetry:
    def test_failed_tasks_run_again_under_new_names(self, batches: Batches) -> None:
        batches.send([plain_task("a"), plain_task("c"), plain_task()], webhook="https://a.example/b")
        batches.advance()
        with pytest.raises(BatchNotFinished):
            batches.acceptance().retry(batches.read(), caller=batches.caller("r2"))
        batches.end("a")
        for task_id in ("c", "b-3"):
            batches.end(task_id, FAILED)
        retry = batches.acceptance().retry(batches.read(), caller=batches.caller("r2"))
        assert (retry.id, retry.retry_of, retry.webhook) == ("b-r1", "b", "https://a.example/b")
        again = batches.acceptance().retry(batches.read(), caller=batches.caller("r3"))
        assert again.run_id == retry.run_id
        batches.advance()
        assert sent_ids(batches)[3:] == ["c-r1", "b-3-r1"]
        batches.end("c-r1", FAILED)
        batches.end("b-3-r1")
        second = batches.acceptance().retry(batches.read("b-r1"), caller=batches.caller("r4"))
        assert (second.id, second.retry_of, second.task_count) == ("b-r2", "b-r1", 1)
        batches.advance()
        assert sent_ids(batches)[5:] == ["c-r2"]
        batches.end("c-r2")
        with pytest.raises(NotRetryable):
            batches.acceptance().retry(batches.read("b-r2"), caller=batches.caller("r5"))

    def test_long_ids_that_begin_alike_stay_different_in_a_retry(self, batches: Batches) -> None:
        ids = [f"{'a' * 125}-{number}" for number in (1, 2)]
        first = batches.accept({"id": "b" * 128, "tasks": [plain_task(id_) for id_ in ids]})
        batches.advance()
        for task_id in ids:
            batches.end(task_id, FAILED)
        retry = batches.acceptance().retry(batches.read(first.id), caller=batches.caller("r2"))
        batches.advance()
        retried = sent_ids(batches)[2:]
        assert len(set(retried)) == 2
        assert {(name[:111], name[-3:], len(name)) for name in (*retried, retry.id.replace("b", "a"))} <= {
            ("a" * 111, "-r1", 123)
        }


class TestReading:
    def test_pages(self, batches: Batches) -> None:
        for number in range(5):
            batches.harness.now_ms += number % 2
            batches.accept([plain_task(f"t{number}")], id=f"n{number}", request=f"r{number}")
        tenant = batches.caller().tenant
        seen: list[str] = []
        position: dict[str, str] = {}
        while True:
            page = batches.reader.list({"limit": "2"} | position, tenant=tenant)
            seen += [batch["id"] for batch in page["batches"]]
            if page["next"] is None:
                break
            position = {"next": page["next"]}
        assert seen == ["n4", "n3", "n2", "n1", "n0"]
        batches.send([plain_task() for _ in range(3)])
        first = batches.reader.tasks(batches.read(), {"limit": "2"})
        assert ([task["number"] for task in first["tasks"]], first["next"]) == ([1, 2], "2")
        rest = batches.reader.tasks(batches.read(), {"limit": "2", "next": "2"})
        assert ([task["state"] for task in rest["tasks"]], rest["next"]) == ([BatchTaskState.ACTIVE], None)

    @pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"next": "?"}, {"status": "FAILED"}])
    def test_broken_parameters(self, batches: Batches, query: dict[str, str]) -> None:
        batch = batches.send([plain_task()])
        for read in (
            lambda: batches.reader.list(query, tenant=batches.caller().tenant),
            lambda: batches.reader.tasks(batch, query),
        ):
            with pytest.raises(DarkroomError) as refused:
                read()
            assert refused.value.as_dict()["details"][0]["field"] == next(iter(query))


def test_a_batch_of_the_greatest_size_fits_into_an_item() -> None:
    numbers = range(1, MAX_BATCH_TASKS + 1)
    refusal = compact_json({"code": "c" * 24, "message": "m" * MAX_REFUSAL_LENGTH})
    batch = Batch(
        id="b" * 128,
        run_id="1" * 16,
        submission_id="s",
        fingerprint="f" * 64,
        task_count=MAX_BATCH_TASKS,
        submitted_at_ms=1,
        states={BatchTaskState.REFUSED: frozenset(numbers)},
        refusals={str(number): refusal for number in numbers},
        context=compact_json("c" * MAX_CONTEXT_BYTES),
        webhook=f"https://{'w' * MAX_WEBHOOK_LENGTH}",
    )
    assert len(json.dumps(batch.to_item(), default=sorted)) < 400 * 1024
    assert len(encode_webhook(batch)) < 256 * 1024
