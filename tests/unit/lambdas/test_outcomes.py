"""Ends of tasks without an agent: callbacks from the stream, dead letters, the reaper."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from contract import transitions
from contract.lease import Lease
from contract.record import DUE_SHARDS, LEASE_GRACE_MS, MAX_ATTEMPTS, PUBLISH_GRACE_MS, SECRET_GRACE_MS, Status
from contract.tenancy import Tenancy
from contract.transitions import Outcome
from lambdas.expire_tasks.task_reaper import MAX_REAPER_RUN_MS, TaskReaper
from lambdas.fail_dead_letters.dead_letter_processor import DeadLetterProcessor
from lambdas.messaging.queue_batch import MessageDeferred
from lambdas.messaging.stream_batch import ended_run
from lambdas.notify.notifier import Notifier
from task_store.envelope import Delivery
from tests.unit.lambdas.harness import Harness, MakeTask

DONE = Outcome(Status.COMPLETED, image_urls=("s3://b/k",), output_url="s3://b/o")
FAILED = Outcome(Status.FAILED, error={"code": "webui_failed", "message": "it failed"})
LEASE_MS = 60_000
SYNC_WITH_TOKEN = {
    "task": {
        "metadata": {"id": "a", "runtime": "dynamic", "tasktype": "webui-api"},
        "content": {
            "api": {"method": "POST", "endpoint": "v1/sync"},
            "payload": {"repo_id": "a/b", "sync_path": "VAE", "hf_token": "hf_secret"},
        },
    }
}
SubmitTask = Callable[..., str]
Settle = Callable[..., None]


@pytest.fixture
def submit(harness: Harness, make_task: MakeTask) -> SubmitTask:
    def submit_task(task_id: str = "a", submission_id: str = "s1", **metadata: Any) -> str:
        body = make_task(task_id, **metadata)
        harness.submit(body, submission_id)
        return str(harness.task_topic.sent[-1][0])

    return submit_task


def item(harness: Harness, task_id: str = "a") -> dict[str, Any]:
    found: dict[str, Any] = harness.dynamodb.get_item(TableName="tasks", Key={"id": task_id})["Item"]
    return found


class TestNotify:
    def test_a_run_that_ended_calls_back(self, harness: Harness, submit: SubmitTask) -> None:
        submit()
        harness.claim("a")
        harness.finish("a", DONE)
        Notifier(completion_topic=harness.completion_topic, settle_task=harness.batches.settle_task).notify(
            harness.record("a")
        )
        [(body, attributes)] = harness.completion_topic.sent
        assert json.loads(body)["image_url"] == ["s3://b/k"]
        assert json.loads(body)["context"] == {"abc": 123}
        assert attributes == {"id": "a", "runtime": "sdruntime", "tasktype": "text-to-image", "status": "completed"}

    def test_only_the_step_into_a_final_state_counts(self, harness: Harness, submit: SubmitTask) -> None:
        submit()
        waiting = item(harness)
        harness.claim("a")
        running = item(harness)
        harness.finish("a", DONE)
        done = item(harness)
        assert ended_run(None, waiting) is None
        assert ended_run(waiting, running) is None
        assert ended_run(running, done)
        # A replica of a newer release may report what this release cannot read.
        assert ended_run(running | {"sampling": {"steps": [1, 2]}}, done)
        assert ended_run(done, done | {"webhook_attempts": 1}) is None
        assert ended_run(done, None) is None
        submit(submission_id="s2")
        assert ended_run(done, item(harness)) is None
        # The stream may have joined a whole second run into one change.
        assert ended_run(done, done | {"run": "ffff"})


class TestDeadLetters:
    @pytest.fixture
    def settle(self, harness: Harness) -> Settle:
        processor = DeadLetterProcessor(
            tenancy=Tenancy(),
            repository=harness.repository,
            task_bucket=harness.task_bucket,
            completion_topic=harness.completion_topic,
        )
        return lambda body, message_id="m-1", **attributes: processor.process(Delivery(message_id, body, attributes))

    def test_a_waiting_task_fails_with_its_last_error(
        self, harness: Harness, submit: SubmitTask, settle: Settle
    ) -> None:
        message = submit()
        error = {"code": "out_of_memory", "message": "the GPU is full"}
        for _ in range(MAX_ATTEMPTS):
            harness.claim("a")
            harness.release("a", error)
        settle(message)
        assert (harness.record("a").status, harness.record("a").error) == (Status.FAILED, error)
        assert harness.completion_topic.sent == []

    def test_a_task_whose_deliveries_met_another_message_of_it_has_its_other_attempts(
        self, harness: Harness, submit: SubmitTask, settle: Settle
    ) -> None:
        """The reaper publishes a task again whose first message may still wait in the queue."""
        message = submit()
        harness.claim("a")
        harness.release("a", {"code": "out_of_memory", "message": "the GPU is full"})
        settle(message)
        assert harness.record("a").status is Status.IN_QUEUE
        harness.now_ms += PUBLISH_GRACE_MS
        harness.reaper().run()
        assert len(harness.task_topic.sent) == 2

    def test_a_task_with_a_token_has_no_other_message(self, harness: Harness, settle: Settle) -> None:
        harness.submit(SYNC_WITH_TOKEN, "s1")
        harness.claim("a")
        harness.release("a", None)
        settle(harness.task_topic.sent[0][0])
        assert harness.error_code("a") == "delivery_failed"

    def test_a_task_that_never_said_why(self, harness: Harness, submit: SubmitTask, settle: Settle) -> None:
        settle(submit())
        assert harness.record("a").error == {
            "code": "delivery_failed",
            "message": "the task could not be run in 0 attempts",
        }

    def test_a_task_whose_message_only_another_release_can_read_fails(
        self, harness: Harness, submit: SubmitTask, settle: Settle
    ) -> None:
        settle(submit().replace('"text-to-image"', '"text-to-video"'))
        assert harness.error_code("a") == "delivery_failed"
        # The stream makes its one callback.
        assert harness.completion_topic.sent == []

    def test_a_task_in_the_hands_of_a_replica_is_looked_at_later(
        self, harness: Harness, submit: SubmitTask, settle: Settle
    ) -> None:
        message = submit()
        harness.claim("a", lease_ms=LEASE_MS)
        with pytest.raises(MessageDeferred):
            settle(message)
        assert harness.record("a").status is Status.IN_PROGRESS
        harness.now_ms += LEASE_MS + 1
        settle(message)
        assert harness.record("a").status is Status.IN_QUEUE

    def test_a_task_that_is_over_is_left_alone(self, harness: Harness, submit: SubmitTask, settle: Settle) -> None:
        message = submit()
        harness.claim("a")
        harness.finish("a", DONE)
        settle(message)
        submit(submission_id="s2")
        settle(message)
        assert harness.record("a").status is Status.IN_QUEUE
        assert harness.completion_topic.sent == []

    @pytest.mark.parametrize(
        ("body", "id_"),
        [
            ("junk", None),
            ("{}", None),
            ('{"task": {"metadata": {"id": "mine", "context": 5}}}', "mine"),
            ('{"task": 1, "run": "x"}', None),
        ],
    )
    def test_what_cannot_be_read_is_kept_and_answered(
        self, harness: Harness, settle: Settle, body: str, id_: str | None
    ) -> None:
        settle(body)
        [(callback, _)] = harness.completion_topic.sent
        answer = json.loads(callback)
        assert (answer["id"], answer["result"], answer["error"]["code"]) == (id_, False, "unreadable_message")
        kept = json.loads(harness.task_bucket.get("unreadable/m-1.json"))
        assert kept["body"] == body

    def test_a_job_of_runpods_format_is_answered_to_the_subscribers_of_its_runtime(
        self, harness: Harness, settle: Settle
    ) -> None:
        settle('{"input": {}}', runtime="sdruntime")
        [(_, attributes)] = harness.completion_topic.sent
        assert attributes == {"runtime": "sdruntime", "status": "failed"}

    @pytest.mark.parametrize(
        "body",
        [
            '{"input": {"api": {"endpoint": "v1/sync"}, "payload": {"hf_token": "hf_secret", "repo_id": "a/b"}}}',
            '{"Message": "{\\"payload\\": {\\"hf_token\\" : \\"hf_secret\\", \\"repo_id\\": \\"a/b\\"}}"',
            '{"repo_id": "a/b", "hf_token":"hf_secret',
            r'{"repo_id": "a/b", "hf\u005ftoken": "hf_secret"}',
            r'{"repo_id": "a/b", "hf\u005ftoken": "hf_secret"',
            r'{"Message": "{\u0022hf_token\u0022: \"hf_secret\", \"repo_id\": \"a/b\"}"}',
            r'{"Message": "{\u0022hf_token\u0022: \u0022hf_secret\u0022, \u0022repo_id\u0022: \u0022a/b\u0022"',
            '{"repo_id": "a/b", "source_url": "https://x.example/m.safetensors?token=hf_secret"}',
        ],
    )
    def test_a_token_is_not_kept(self, harness: Harness, settle: Settle, body: str) -> None:
        settle(body)
        kept = harness.task_bucket.get("unreadable/m-1.json")
        assert "hf_secret" not in kept
        assert "a/b" in kept

    def test_a_recorded_job_of_runpods_format_is_left_to_the_reaper(self, harness: Harness, settle: Settle) -> None:
        call = {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {"prompt": "A dog"}}
        harness.submit({"input": call}, "message-1", runtime_name="sdruntime", generated_id="message-1")
        settle(json.dumps({"input": call}), "message-1")
        assert harness.completion_topic.sent == []
        assert harness.record("message-1").status is Status.IN_QUEUE

    def test_what_aws_refuses_for_good_is_kept_and_not_repeated(
        self, harness: Harness, submit: SubmitTask, settle: Settle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> bool:
            raise ClientError({"Error": {"Code": "ValidationException"}}, "UpdateItem")

        message = submit()
        monkeypatch.setattr(harness.repository, "finish_unleased", refuse)
        settle(message)
        assert json.loads(harness.task_bucket.get("unreadable/m-1.json"))["body"] == message

    def test_a_task_without_a_record_is_answered(self, harness: Harness, submit: SubmitTask, settle: Settle) -> None:
        message = submit()
        harness.dynamodb.delete_item(TableName="tasks", Key={"id": "a"})
        settle(message)
        assert json.loads(harness.completion_topic.sent[0][0])["id"] == "a"

    def test_an_intake_message_that_was_recorded_is_left_to_the_reaper(
        self, harness: Harness, submit: SubmitTask, settle: Settle, make_task: MakeTask
    ) -> None:
        submit(submission_id="m-1")
        settle(json.dumps(make_task("a")))
        assert harness.completion_topic.sent == []
        settle(json.dumps(make_task("a")), message_id="m-2")
        assert len(harness.completion_topic.sent) == 1

    def test_an_intake_message_whose_task_runs_again_is_not_rejected(
        self, harness: Harness, submit: SubmitTask, settle: Settle, make_task: MakeTask
    ) -> None:
        submit(submission_id="m-1")
        harness.repository.finish_active(harness.record("a"), FAILED)
        harness.submission.retry(harness.record("a"), submission_id="retry", key_name=None)
        settle(json.dumps(make_task("a")))
        assert harness.completion_topic.sent == []


class TestTaskReaper:
    @pytest.fixture
    def reaper(self, harness: Harness) -> TaskReaper:
        return harness.reaper()

    def test_nothing_is_due(self, harness: Harness, submit: SubmitTask, reaper: TaskReaper) -> None:
        submit()
        before = item(harness)
        harness.now_ms += PUBLISH_GRACE_MS + 1
        reaper.run()
        assert item(harness) == before

    def test_a_task_that_was_never_published(self, harness: Harness, submit: SubmitTask, reaper: TaskReaper) -> None:
        harness.task_topic.failures = 1
        with pytest.raises(Exception, match="AWS refuses"):
            submit()
        reaper.run()
        assert harness.task_topic.sent == []
        harness.now_ms += PUBLISH_GRACE_MS + 1
        reaper.run()
        reaper.run()
        assert len(harness.task_topic.sent) == 1
        assert harness.record("a").published_at_ms == harness.now_ms

    def test_a_task_that_aws_never_accepts_fails_at_once(
        self, harness: Harness, submit: SubmitTask, reaper: TaskReaper
    ) -> None:
        refusal = {"Error": {"Code": "InvalidParameter", "Message": "too long"}}
        harness.task_topic.error = ClientError(refusal, "Publish")  # type: ignore[arg-type]  # metadata is left out
        harness.task_topic.failures = 2
        with pytest.raises(ClientError):
            submit()
        harness.now_ms += PUBLISH_GRACE_MS + 1
        reaper.run()
        assert (harness.record("a").status, harness.error_code("a")) == (Status.FAILED, "storage_refused")

    def test_a_task_that_waited_too_long(
        self, harness: Harness, submit: SubmitTask, reaper: TaskReaper, caplog: pytest.LogCaptureFixture
    ) -> None:
        submit(policy={"ttl": 100_000})
        harness.now_ms += 100_001
        reaper.run()
        assert harness.record("a").status is Status.TIMED_OUT
        assert harness.error_code("a") == "ttl_expired"
        assert "task_expired" in caplog.messages

    def test_a_record_that_dynamodb_has_deleted_is_no_failure(
        self, harness: Harness, reaper: TaskReaper, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(harness.repository, "due_task_keys", lambda _: ["gone"])
        reaper.run()
        assert caplog.messages == []

    def test_a_task_whose_replica_vanished_waits_again(
        self, harness: Harness, submit: SubmitTask, reaper: TaskReaper
    ) -> None:
        submit()
        for attempt in range(1, MAX_ATTEMPTS):
            harness.claim("a", lease_ms=LEASE_MS)
            harness.now_ms += LEASE_MS + 1
            reaper.run()
            assert harness.record("a").status is Status.IN_PROGRESS, "the queue's own redelivery comes first"
            harness.now_ms += LEASE_GRACE_MS
            reaper.run()
            assert (harness.record("a").status, harness.record("a").attempts) == (Status.IN_QUEUE, attempt)
            assert len(harness.task_topic.sent) == attempt + 1
        harness.claim("a", lease_ms=LEASE_MS)
        harness.now_ms += LEASE_MS + LEASE_GRACE_MS + 1
        reaper.run()
        assert harness.record("a").status is Status.FAILED
        assert harness.error_code("a") == "worker_lost"

    def test_a_task_with_a_token_waits_for_the_message_that_has_it(self, harness: Harness, reaper: TaskReaper) -> None:
        harness.submit(SYNC_WITH_TOKEN, "s1")
        harness.claim("a", lease_ms=LEASE_MS)
        harness.now_ms += LEASE_MS + LEASE_GRACE_MS + 1
        reaper.run()
        # The message has its secret and was published once, so it is still in the queue of its runtime.
        harness.now_ms += SECRET_GRACE_MS
        reaper.run()
        assert (harness.record("a").status, len(harness.task_topic.sent)) == (Status.IN_QUEUE, 1)
        harness.now_ms += harness.record("a").ttl_ms
        reaper.run()
        assert harness.record("a").status is Status.TIMED_OUT

    def test_a_task_with_a_token_that_was_claimed_before_its_mark_waits_for_its_message(
        self, harness: Harness, reaper: TaskReaper
    ) -> None:
        harness.task_topic.failures, harness.task_topic.fails_after_sending = 1, True
        with pytest.raises(ConnectionError):
            harness.submit(SYNC_WITH_TOKEN, "s1")
        harness.claim("a", lease_ms=SECRET_GRACE_MS)
        harness.now_ms += SECRET_GRACE_MS + LEASE_GRACE_MS + 1
        reaper.run()
        assert harness.record("a").status is Status.IN_QUEUE
        harness.now_ms += PUBLISH_GRACE_MS + 1
        reaper.run()
        assert harness.record("a").status is Status.IN_QUEUE

    def test_a_task_with_a_token_that_nobody_sends_again_fails(self, harness: Harness, reaper: TaskReaper) -> None:
        harness.task_topic.failures = 1
        with pytest.raises(ConnectionError):
            harness.submit(SYNC_WITH_TOKEN, "s1")
        harness.now_ms += PUBLISH_GRACE_MS + 1
        reaper.run()
        assert harness.record("a").status is Status.IN_QUEUE
        harness.now_ms += SECRET_GRACE_MS
        reaper.run()
        assert harness.task_topic.sent == []
        assert (harness.record("a").status, harness.error_code("a")) == (Status.FAILED, "message_lost")

    @pytest.mark.parametrize("is_read_before", [False, True])
    def test_a_replica_that_renews_is_left_alone(
        self,
        harness: Harness,
        submit: SubmitTask,
        reaper: TaskReaper,
        monkeypatch: pytest.MonkeyPatch,
        *,
        is_read_before: bool,
    ) -> None:
        submit()
        run = harness.claim("a", lease_ms=LEASE_MS).run_id
        harness.now_ms += LEASE_MS + LEASE_GRACE_MS + 1
        expired = harness.record("a")
        request = transitions.renew(Lease("a", run, "replica"), now_ms=harness.now_ms, lease_ms=LEASE_MS)
        harness.dynamodb.update_item(TableName="tasks", **request)
        with monkeypatch.context() as patch:
            if is_read_before:
                patch.setattr(harness.repository, "due_task_keys", lambda _: ["a"])
                patch.setattr(harness.repository, "read", lambda _: expired)
            reaper.run()
        assert harness.record("a").status is Status.IN_PROGRESS
        assert len(harness.task_topic.sent) == 1

    def test_a_broken_record_does_not_stop_the_others(
        self, harness: Harness, submit: SubmitTask, reaper: TaskReaper
    ) -> None:
        for task_id in ("a", "b", "c"):
            submit(task_id, policy={"ttl": 100_000})
        harness.dynamodb.update_item(TableName="tasks", Key={"id": "b"}, UpdateExpression="REMOVE tasktype")
        harness.now_ms += 100_001
        reaper.run()
        assert [harness.record(task_id).status for task_id in ("a", "c")] == [Status.TIMED_OUT] * 2

    def test_it_ends_before_the_function_does(self, harness: Harness, submit: SubmitTask) -> None:
        for task_id in ("a", "b", "c"):
            submit(task_id, policy={"ttl": 10_000})
        harness.now_ms += 10_001
        ticks = iter([harness.now_ms, harness.now_ms, harness.now_ms + MAX_REAPER_RUN_MS + 1])
        harness.reaper(lambda: next(ticks)).run()
        statuses = [harness.record(task_id).status for task_id in ("a", "b", "c")]
        assert statuses.count(Status.TIMED_OUT) == 1

    def test_a_backlog_in_one_shard_delays_the_others_by_some_minutes_only(
        self, harness: Harness, submit: SubmitTask
    ) -> None:
        for number in range(30):
            submit(f"task-{number}", policy={"ttl": 10_000})
        shards = {f"task-{number}": item(harness, f"task-{number}")["due_shard"] for number in range(30)}
        for minute in range(1, DUE_SHARDS + 1):
            now_ms = harness.now_ms + minute * 60_000
            ticks = iter([now_ms, now_ms, now_ms + MAX_REAPER_RUN_MS + 1])
            harness.reaper(ticks.__next__).run()
        ended = [shards[task_id] for task_id in shards if harness.record(task_id).status is Status.TIMED_OUT]
        assert sorted(ended) == sorted(set(shards.values()))
