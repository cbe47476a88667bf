"""Ends of tasks without an agent: callbacks from the stream, and dead letters."""

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from contract.record import MAX_ATTEMPTS, PUBLISH_GRACE_MS, Status
from contract.tenancy import Tenancy
from contract.transitions import Outcome
from lambdas.fail_dead_letters.dead_letter_processor import DeadLetterProcessor
from lambdas.messaging.queue_batch import MessageDeferred
from lambdas.messaging.stream_batch import ended_run
from lambdas.notify.notifier import Notifier
from task_store.envelope import Delivery
from tests.unit.lambdas.harness import SYNC_WITH_TOKEN, Harness, MakeTask, SubmitTask, item

DONE = Outcome(Status.COMPLETED, image_urls=("s3://b/k",), output_url="s3://b/o")
FAILED = Outcome(Status.FAILED, error={"code": "webui_failed", "message": "it failed"})
LEASE_MS = 60_000
Settle = Callable[..., None]


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

    def test_the_log_says_why_a_task_failed_also_without_an_agent(
        self, harness: Harness, submit: SubmitTask, caplog: pytest.LogCaptureFixture
    ) -> None:
        submit(policy={"ttl": 100_000})
        harness.now_ms += 100_001
        harness.reaper().run()
        Notifier(completion_topic=harness.completion_topic, settle_task=harness.batches.settle_task).notify(
            harness.record("a")
        )
        (line,) = (vars(record) for record in caplog.records if record.message == "callback_published")
        [(body, _)] = harness.completion_topic.sent
        assert {"code": line["code"], "message": line["reason"]} == json.loads(body)["error"]
        assert (line["runtime"], line["task_id"], line["status"]) == ("sdruntime", "a", "TIMED_OUT")

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

    @pytest.mark.parametrize("attempts", [0, 1])
    def test_a_task_whose_message_only_another_release_can_read_fails(
        self, harness: Harness, submit: SubmitTask, settle: Settle, attempts: int
    ) -> None:
        message = submit()
        for _ in range(attempts):
            harness.claim("a")
            harness.release("a", None)
        settle(message.replace('"text-to-image"', '"text-to-video"'))
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
