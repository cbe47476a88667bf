"""Task reaper: what waits too long, has lost its replica or was never published goes on or ends."""

import pytest
from botocore.exceptions import ClientError

from contract import transitions
from contract.lease import Lease
from contract.record import DUE_SHARDS, LEASE_GRACE_MS, MAX_ATTEMPTS, PUBLISH_GRACE_MS, SECRET_GRACE_MS, Status
from contract.tenancy import scoped
from contract.transitions import Outcome
from lambdas.expire_tasks.task_reaper import MAX_REAPER_RUN_MS, TaskReaper
from tests.unit.lambdas.harness import SYNC_WITH_TOKEN, Harness, SubmitTask, item

FAILED = Outcome(Status.FAILED, error={"code": "webui_failed", "message": "it failed"})
LEASE_MS = 60_000


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
        (line,) = (vars(record) for record in caplog.records if record.message == "task_expired")
        assert (line["task_id"], line["runtime"]) == ("a", "sdruntime")

    def test_the_log_names_a_task_that_cannot_be_settled(
        self, harness: Harness, reaper: TaskReaper, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(harness.repository, "due_task_keys", lambda _: [scoped("shop", "a")])
        monkeypatch.setattr(harness.repository, "read", lambda _: 1 / 0)
        reaper.run()
        (line,) = (vars(record) for record in caplog.records if record.message == "task_check_failed")
        assert (line["task_id"], line["levelname"]) == ("a", "ERROR")

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
