"""What ends a task when no agent does: callbacks from the stream, dead letters, the reaper."""

import json
from typing import Any

import pytest

from contract import transitions
from contract.record import LEASE_GRACE_MS, MAX_ATTEMPTS, PUBLISH_GRACE_MS, Status
from contract.submission import parse_submission
from contract.transitions import Outcome
from lambdas.expire_tasks.task_reaper import MAX_REAPER_RUN_MS, TaskReaper
from lambdas.fail_dead_letters.dead_letter_processor import DeadLetterProcessor
from lambdas.messaging.queue_batch import MessageDeferred
from lambdas.notify.notifier import Notifier, ended_run
from task_store.envelope import Delivery
from tests.unit.lambdas.harness import Harness, MakeTask

DONE = Outcome(Status.COMPLETED, image_urls=("s3://b/k",), output_url="s3://b/o")
LEASE_MS = 60_000


@pytest.fixture
def submit(world: Harness, make_task: MakeTask) -> Any:
    def submit_task(task_id: str = "a", submission_id: str = "s1", **metadata: Any) -> str:
        body = make_task(task_id, **metadata)
        submission = parse_submission(body, catalogue=world.catalogue, find_checkpoint=lambda _: None)
        world.tasks.submit(submission, submission_id=submission_id, now_ms=world.now_ms)
        return str(world.task_topic.sent[-1][0])

    return submit_task


def item(world: Harness, task_id: str = "a") -> dict[str, Any]:
    found: dict[str, Any] = world.dynamodb.get_item(TableName="tasks", Key={"id": task_id})["Item"]
    return found


class TestNotify:
    def test_a_run_that_ended_calls_back(self, world: Harness, submit: Any) -> None:
        submit(webhook="https://example.com/hook")
        world.claim("a")
        running = item(world)
        world.finish("a", DONE)
        Notifier(completion_topic=world.completion_topic, webhooks=world.webhooks).notify(running, item(world))
        [(body, attributes)] = world.completion_topic.sent
        assert json.loads(body)["image_url"] == ["s3://b/k"]
        assert json.loads(body)["context"] == {"abc": 123}
        assert attributes == {"id": "a", "runtime": "sdruntime", "tasktype": "text-to-image", "status": "completed"}
        assert world.webhooks.sent == [world.record("a")]

    def test_only_the_step_into_a_final_state_counts(self, world: Harness, submit: Any) -> None:
        submit()
        waiting = item(world)
        world.claim("a")
        running = item(world)
        world.finish("a", DONE)
        done = item(world)
        assert ended_run(None, waiting) is None
        assert ended_run(waiting, running) is None
        assert ended_run(running, done)
        assert ended_run(done, done | {"webhook_attempts": 1}) is None
        assert ended_run(done, None) is None
        submit(submission_id="s2")
        assert ended_run(done, item(world)) is None
        # The stream may have joined a whole second run into one change.
        assert ended_run(done, done | {"run": "ffff"})


class TestDeadLetters:
    @pytest.fixture
    def settle(self, world: Harness) -> Any:
        processor = DeadLetterProcessor(
            repository=world.table, task_bucket=world.task_bucket, completion_topic=world.completion_topic
        )
        return lambda body, message_id="m-1": processor.process(Delivery(message_id, body, {}))

    def test_a_waiting_task_fails_with_its_last_error(self, world: Harness, submit: Any, settle: Any) -> None:
        message = submit()
        run = world.claim("a").run_id
        error = {"code": "out_of_memory", "message": "the GPU is full"}
        request = transitions.release("a", run, owner="replica", now_ms=world.now_ms, next_check_at_ms=0, error=error)
        world.dynamodb.update_item(TableName="tasks", **request)
        settle(message)
        assert (world.record("a").status, world.record("a").error) == (Status.FAILED, error)
        assert world.completion_topic.sent == []

    def test_a_task_that_never_said_why(self, world: Harness, submit: Any, settle: Any) -> None:
        settle(submit())
        assert world.record("a").error == {
            "code": "delivery_failed",
            "message": "the task could not be run in 0 attempts",
        }

    def test_a_task_in_the_hands_of_a_replica_is_looked_at_later(
        self, world: Harness, submit: Any, settle: Any
    ) -> None:
        message = submit()
        world.claim("a", lease_ms=LEASE_MS)
        with pytest.raises(MessageDeferred):
            settle(message)
        assert world.record("a").status is Status.IN_PROGRESS
        world.now_ms += LEASE_MS + 1
        settle(message)
        assert world.record("a").status is Status.FAILED

    def test_a_task_that_is_over_is_left_alone(self, world: Harness, submit: Any, settle: Any) -> None:
        message = submit()
        world.claim("a")
        world.finish("a", DONE)
        settle(message)
        submit(submission_id="s2")
        settle(message)
        assert world.record("a").status is Status.IN_QUEUE
        assert world.completion_topic.sent == []

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
        self, world: Harness, settle: Any, body: str, id_: str | None
    ) -> None:
        settle(body)
        [(callback, _)] = world.completion_topic.sent
        answer = json.loads(callback)
        assert (answer["id"], answer["result"], answer["error"]["code"]) == (id_, False, "unreadable_message")
        kept = json.loads(world.task_bucket.get("unreadable/m-1.json"))
        assert kept["body"] == body

    @pytest.mark.parametrize(
        "body",
        [
            '{"input": {"api": {"endpoint": "v1/sync"}, "payload": {"hf_token": "hf_secret", "repo_id": "a/b"}}}',
            '{"Message": "{\\"payload\\": {\\"hf_token\\" : \\"hf_secret\\", \\"repo_id\\": \\"a/b\\"}}"',
            '{"repo_id": "a/b", "hf_token":"hf_secret',
        ],
    )
    def test_a_token_is_not_kept(self, world: Harness, settle: Any, body: str) -> None:
        settle(body)
        kept = world.task_bucket.get("unreadable/m-1.json")
        assert "hf_secret" not in kept
        assert "a/b" in kept
        assert json.loads(kept)["body"] == body.replace("hf_secret", "")

    def test_a_job_of_runpods_format_that_was_recorded_is_left_to_the_sweep(self, world: Harness, settle: Any) -> None:
        call = {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {"prompt": "A dog"}}
        submission = parse_submission(
            {"input": call},
            catalogue=world.catalogue,
            find_checkpoint=world.models.find_checkpoint,
            runtime_name="sdruntime",
            generated_id="message-1",
        )
        world.tasks.submit(submission, submission_id="message-1", now_ms=world.now_ms)
        settle(json.dumps({"input": call}), "message-1")
        assert world.completion_topic.sent == []
        assert world.record("message-1").status is Status.IN_QUEUE

    def test_a_task_without_a_record_is_answered(self, world: Harness, submit: Any, settle: Any) -> None:
        message = submit()
        world.dynamodb.delete_item(TableName="tasks", Key={"id": "a"})
        settle(message)
        assert json.loads(world.completion_topic.sent[0][0])["id"] == "a"

    def test_an_intake_message_that_was_recorded_is_left_to_the_sweep(
        self, world: Harness, submit: Any, settle: Any, make_task: MakeTask
    ) -> None:
        submit(submission_id="m-1")
        settle(json.dumps(make_task("a")))
        assert world.completion_topic.sent == []
        settle(json.dumps(make_task("a")), message_id="m-2")
        assert len(world.completion_topic.sent) == 1


class TestTaskReaper:
    @pytest.fixture
    def reaper(self, world: Harness) -> TaskReaper:
        return TaskReaper(repository=world.table, publisher=world.publisher, now_ms=lambda: world.now_ms)

    def test_nothing_is_due(self, world: Harness, submit: Any, reaper: TaskReaper) -> None:
        submit()
        before = item(world)
        world.now_ms += PUBLISH_GRACE_MS + 1
        reaper.run()
        assert item(world) == before

    def test_a_task_that_was_never_published(self, world: Harness, submit: Any, reaper: TaskReaper) -> None:
        world.task_topic.failures = 1
        with pytest.raises(Exception, match="AWS refuses"):
            submit()
        reaper.run()
        assert world.task_topic.sent == []
        world.now_ms += PUBLISH_GRACE_MS + 1
        reaper.run()
        reaper.run()
        assert len(world.task_topic.sent) == 1
        assert world.record("a").published_at_ms == world.now_ms

    def test_a_task_that_waited_too_long(self, world: Harness, submit: Any, reaper: TaskReaper) -> None:
        submit(policy={"ttl": 100_000})
        world.now_ms += 100_001
        reaper.run()
        assert world.record("a").status is Status.TIMED_OUT
        assert world.error_code("a") == "ttl_expired"

    def test_a_task_whose_replica_vanished_waits_again(self, world: Harness, submit: Any, reaper: TaskReaper) -> None:
        submit()
        for attempt in range(1, MAX_ATTEMPTS):
            world.claim("a", lease_ms=LEASE_MS)
            world.now_ms += LEASE_MS + 1
            reaper.run()
            assert world.record("a").status is Status.IN_PROGRESS, "the queue's own redelivery comes first"
            world.now_ms += LEASE_GRACE_MS
            reaper.run()
            assert (world.record("a").status, world.record("a").attempts) == (Status.IN_QUEUE, attempt)
            assert len(world.task_topic.sent) == attempt + 1
        world.claim("a", lease_ms=LEASE_MS)
        world.now_ms += LEASE_MS + LEASE_GRACE_MS + 1
        reaper.run()
        assert world.record("a").status is Status.FAILED
        assert world.error_code("a") == "worker_lost"

    def test_a_replica_that_renews_is_left_alone(self, world: Harness, submit: Any, reaper: TaskReaper) -> None:
        submit()
        run = world.claim("a", lease_ms=LEASE_MS).run_id
        world.now_ms += LEASE_MS + LEASE_GRACE_MS + 1
        request = transitions.renew("a", run, owner="replica", now_ms=world.now_ms, lease_ms=LEASE_MS)
        world.dynamodb.update_item(TableName="tasks", **request)
        reaper.run()
        assert world.record("a").status is Status.IN_PROGRESS

    def test_one_broken_record_does_not_keep_the_others(self, world: Harness, submit: Any, reaper: TaskReaper) -> None:
        for task_id in ("a", "b", "c"):
            submit(task_id, policy={"ttl": 100_000})
        world.dynamodb.update_item(TableName="tasks", Key={"id": "b"}, UpdateExpression="REMOVE tasktype")
        world.now_ms += 100_001
        reaper.run()
        assert [world.record(task_id).status for task_id in ("a", "c")] == [Status.TIMED_OUT] * 2

    def test_it_ends_before_the_function_does(self, world: Harness, submit: Any) -> None:
        for task_id in ("a", "b", "c"):
            submit(task_id, policy={"ttl": 10_000})
        world.now_ms += 10_001
        ticks = iter([world.now_ms, world.now_ms, world.now_ms + MAX_REAPER_RUN_MS + 1])
        TaskReaper(repository=world.table, publisher=world.publisher, now_ms=lambda: next(ticks)).run()
        statuses = [world.record(task_id).status for task_id in ("a", "b", "c")]
        assert statuses.count(Status.TIMED_OUT) == 1
