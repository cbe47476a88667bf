"""RunPod's calls, with the bodies that its clients expect."""

import base64
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from contract.errors import InvalidJson, InvalidTask, NotRetryable, RuntimeNotFound, TaskFinished, TaskNotFound
from contract.heartbeat import HEARTBEAT_EXPIRY_MS, heartbeat
from contract.record import PUBLISH_GRACE_MS, Status
from contract.tenancy import SHARED
from contract.transitions import Outcome
from lambdas.http.application import Caller
from lambdas.runpod_api.endpoint import RunpodEndpoint
from lambdas.runpod_api.handler import wait_ms
from lambdas.runpod_api.jobs import RunpodJobs
from lambdas.tasks import outcomes
from lambdas.tasks.output_bucket import OutputBucket, OutputGone
from tests.unit.lambdas.harness import Harness

BODY = {"input": {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {"prompt": "A dog"}}}
REST = {"info": "{}", "parameters": {"width": 512}}
DONE = Outcome(Status.COMPLETED, image_urls=("s3://out/a-1.png",), output_url="s3://out/a.out")
FAILED = Outcome(Status.FAILED, error={"code": "webui_error", "message": "out of memory"})


class PlainLinks(OutputBucket):
    """Links without a signature, which would change with the time."""

    def link(self, uri: str) -> str:
        return uri.replace("s3://", "https://signed/")


class Runpod:
    """Calls, each as a new request; the harness is the clock."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.slept: list[Any] = []
        self.requests = 0
        self.jobs = RunpodJobs(
            tasks=replace(harness.tasks(clock=self.seconds, sleep=self.sleep), outputs=PlainLinks(client=harness.s3)),
            now_ms=lambda: harness.now_ms,
            new_uuid=lambda: UUID(int=self.requests),
        )
        self.endpoint = RunpodEndpoint(
            catalogue=harness.catalogue,
            repository=harness.repository,
            now_ms=lambda: harness.now_ms,
            clock=self.seconds,
        )

    def seconds(self) -> float:
        return float(self.harness.now_ms / 1000)

    def sleep(self, seconds: float) -> None:
        self.harness.now_ms += int(seconds * 1000)
        if self.slept:
            self.slept.pop(0)()

    def caller(self) -> Caller:
        self.requests += 1
        return Caller(f"request-{self.requests}", "shop", SHARED)

    def run(self, body: Any = None, runtime: str = "sdruntime", **changes: Any) -> dict[str, Any]:
        text = json.dumps(BODY | changes if body is None else body)
        return self.jobs.run(runtime, text, caller=self.caller())

    def run_sync(self, seconds: float = 90) -> dict[str, Any]:
        return self.jobs.run_and_wait("sdruntime", json.dumps(BODY), seconds=seconds, caller=self.caller())

    def status(self, task_id: str) -> dict[str, Any]:
        return self.jobs.status("sdruntime", task_id, tenant=SHARED)

    def retry(self, task_id: str) -> dict[str, Any]:
        return self.jobs.retry("sdruntime", task_id, caller=self.caller())


@pytest.fixture
def runpod(harness: Harness) -> Runpod:
    harness.s3.create_bucket(Bucket="out")
    harness.s3.put_object(Bucket="out", Key="a.out", Body=json.dumps(REST))
    harness.s3.put_object(Bucket="out", Key="a-1.png", Body=b"picture")
    return Runpod(harness)


OUTPUT = {"images": [base64.b64encode(b"picture").decode()], **REST}


def test_a_retry_that_sns_refuses_at_first_is_accepted(runpod: Runpod) -> None:
    job = runpod.run()["id"]
    runpod.harness.claim(job)
    runpod.harness.finish(job, FAILED)
    runpod.harness.task_topic.failures = 1
    assert runpod.retry(job) == {"id": job, "status": "IN_QUEUE"}


@pytest.mark.parametrize("fails_after_sending", [False, True])
def test_a_job_that_sns_refuses_at_first_is_accepted_once(runpod: Runpod, fails_after_sending: bool) -> None:
    topic = runpod.harness.task_topic
    topic.failures, topic.fails_after_sending = 1, fails_after_sending
    # After an error the client would send another job, because it knows no id.
    job = runpod.run()
    assert job["status"] == "IN_QUEUE"
    runpod.harness.now_ms += PUBLISH_GRACE_MS + 1
    runpod.harness.reaper().run()
    sent = [json.loads(body)["task"]["metadata"]["id"] for body, _ in topic.sent]
    assert set(sent) == {job["id"]}
    assert runpod.harness.record(job["id"]).published_at_ms is not None


def test_a_job_from_run_to_its_output(runpod: Runpod) -> None:
    job = runpod.run()
    task_id = job["id"]
    assert job == {"id": str(UUID(task_id)), "status": "IN_QUEUE"}
    record = runpod.harness.record(task_id)
    assert (record.format, record.tasktype, record.key_name) == ("runpod", "webui-api", "shop")
    runpod.harness.now_ms += 500
    assert runpod.status(task_id) == {"id": task_id, "status": "IN_QUEUE", "delayTime": 500}
    runpod.harness.claim(task_id, owner="worker-1/ab")
    running = {"id": task_id, "status": "IN_PROGRESS", "delayTime": 500, "output": {"progress": 0.0}}
    runpod.harness.now_ms += 2000
    assert runpod.status(task_id) == running
    runpod.harness.finish(task_id, DONE, owner="worker-1/ab")
    assert runpod.status(task_id) == {
        "delayTime": 500,
        "executionTime": 2000,
        "id": task_id,
        "output": OUTPUT,
        "status": "COMPLETED",
        "workerId": "worker-1",
    }


def test_a_failed_job_says_why_and_how_often_it_was_tried(runpod: Runpod) -> None:
    task_id = runpod.run()["id"]
    runpod.harness.claim(task_id)
    runpod.harness.finish(task_id, FAILED)
    assert runpod.status(task_id) == {
        "delayTime": 0,
        "executionTime": 0,
        "id": task_id,
        "error": "webui_error: out of memory",
        "status": "FAILED",
        "retries": 0,
        "workerId": "replica",
    }


def test_waiting_for_the_end(runpod: Runpod) -> None:
    def end() -> None:
        runpod.harness.claim(task_id)
        runpod.harness.finish(task_id, DONE)

    task_id = f"sync-{UUID(int=1)}"
    runpod.slept = [end]
    answer = runpod.run_sync()
    assert (answer["id"], answer["status"], answer["output"]) == (task_id, "COMPLETED", OUTPUT)


def test_waiting_for_the_end_of_a_known_job(runpod: Runpod) -> None:
    def end() -> None:
        runpod.harness.claim(task_id)
        runpod.harness.finish(task_id, DONE)

    def wait(seconds: float) -> dict[str, Any]:
        return runpod.jobs.wait("sdruntime", task_id, seconds=seconds, tenant=SHARED)

    task_id = runpod.run()["id"]
    assert wait(0)["status"] == "IN_QUEUE"
    runpod.slept = [end]
    assert (wait(90)["status"], wait(90)["output"]) == ("COMPLETED", OUTPUT)
    with pytest.raises(TaskNotFound):
        runpod.jobs.wait("dynamic", task_id, seconds=1, tenant=SHARED)


@pytest.mark.parametrize("is_claimed", [False, True])
def test_a_wait_that_is_too_short_ends_with_where_the_job_is(runpod: Runpod, is_claimed: bool) -> None:
    task_id = f"sync-{UUID(int=1)}"
    runpod.slept = [lambda: runpod.harness.claim(task_id)] if is_claimed else []
    assert runpod.run_sync(5) == {"id": task_id, "status": "IN_PROGRESS" if is_claimed else "IN_QUEUE"}


def test_a_stream_brings_progress_and_then_the_output_once(runpod: Runpod) -> None:
    task_id = runpod.run()["id"]

    def stream() -> dict[str, Any]:
        return runpod.jobs.stream("sdruntime", task_id, tenant=SHARED)

    assert stream() == {"status": "IN_QUEUE", "stream": []}
    runpod.harness.claim(task_id)
    assert stream() == {"status": "IN_PROGRESS", "stream": [{"output": {"progress": 0.0}}]}
    runpod.harness.finish(task_id, DONE)
    assert stream() == {"status": "COMPLETED", "stream": [{"output": OUTPUT}]}
    assert stream() == {"status": "COMPLETED", "stream": []}
    assert runpod.status(task_id)["output"] == OUTPUT, "a status shows it as often as one asks"


def test_a_running_jobs_preview_is_linked_until_its_end(runpod: Runpod) -> None:
    task_id = runpod.run(policy={"preview": True})["id"]
    runpod.harness.claim(task_id)
    models = {"bytes": 9, "bytes_done": 3}
    runpod.harness.report(task_id, 250, {"sampling_step": 5}, preview_url="s3://out/preview.png", models=models)
    preview = "https://signed/out/preview.png"
    progress = {"progress": 0.25, "sampling_step": 5, "models": models, "preview": preview}
    assert runpod.status(task_id)["output"] == progress
    assert runpod.jobs.stream("sdruntime", task_id, tenant=SHARED)["stream"] == [{"output": progress}]
    runpod.harness.report(task_id, 500, {})
    assert runpod.status(task_id)["output"]["preview"], "the newest one stays until there is a newer"
    runpod.harness.finish(task_id, DONE)
    assert runpod.harness.record(task_id).preview_url is None


def test_a_stream_of_a_cancelled_job_ends(runpod: Runpod) -> None:
    task_id = runpod.run()["id"]
    runpod.jobs.cancel("sdruntime", task_id, tenant=SHARED)
    with pytest.raises(TaskNotFound, match="was cancelled"):
        runpod.jobs.stream("sdruntime", task_id, tenant=SHARED)


def test_cancelling_what_waits_and_what_runs_but_nothing_that_has_ended(runpod: Runpod) -> None:
    waiting, running, done = (runpod.run()["id"] for _ in range(3))
    runpod.harness.claim(running)
    runpod.harness.claim(done)
    runpod.harness.finish(done, DONE)
    for task_id in (waiting, running, waiting):
        assert runpod.jobs.cancel("sdruntime", task_id, tenant=SHARED) == {"id": task_id, "status": "CANCELLED"}
    assert runpod.status(waiting)["error"].startswith("cancelled")
    with pytest.raises(TaskFinished):
        runpod.jobs.cancel("sdruntime", done, tenant=SHARED)
    assert runpod.status(done)["status"] == "COMPLETED"


@pytest.mark.parametrize("size", [10, 100_000], ids=["in the record", "in the bucket"])
def test_a_retry_runs_the_same_again(runpod: Runpod, size: int) -> None:
    call = BODY["input"] | {"payload": {"note": "x" * size}}
    task_id = runpod.run(input=call, webhook="https://example.com/hook", policy={"executionTimeout": 9000})["id"]
    first = runpod.harness.record(task_id)
    runpod.harness.claim(task_id)
    runpod.harness.finish(task_id, FAILED)
    runpod.harness.now_ms += 1000
    assert runpod.retry(task_id) == {"id": task_id, "status": "IN_QUEUE"}
    second = runpod.harness.record(task_id)
    assert second.run_id != first.run_id
    assert (second.webhook, second.execution_timeout_ms, second.key_name) == (first.webhook, 9000, "shop")
    assert second.submitted_at_ms == first.submitted_at_ms + 1000
    assert (second.retries, second.attempts, second.error) == (1, 0, None)
    message = json.loads(runpod.harness.task_topic.sent[-1][0])
    assert message["run"] == second.run_id
    assert message["task"]["content"]["payload"] == {"note": "x" * size}
    runpod.harness.claim(task_id)
    runpod.harness.finish(task_id, FAILED)
    assert runpod.status(task_id)["retries"] == 1


def test_only_what_failed_or_took_too_long_is_run_again(runpod: Runpod) -> None:
    waiting, done, cancelled, late = (runpod.run()["id"] for _ in range(4))
    runpod.harness.claim(done)
    runpod.harness.finish(done, DONE)
    runpod.jobs.cancel("sdruntime", cancelled, tenant=SHARED)
    runpod.harness.repository.finish_active(runpod.harness.record(late), outcomes.expired(runpod.harness.record(late)))
    for task_id in (waiting, done, cancelled):
        with pytest.raises(NotRetryable, match=r"FAILED or TIMED_OUT"):
            runpod.retry(task_id)
    assert runpod.retry(late)["status"] == "IN_QUEUE"
    with pytest.raises(NotRetryable):
        runpod.retry(late)


def test_purging_removes_what_waits_and_leaves_what_runs(runpod: Runpod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.runpod_api.endpoint.PAGE_SIZE", 3)
    ids = [runpod.run()["id"] for _ in range(8)]
    for task_id in ids[:2]:
        runpod.harness.claim(task_id)
    elsewhere = {"input": {"api": {"method": "GET", "endpoint": "/sdapi/v1/samplers"}}}
    other = runpod.run(elsewhere, runtime="dynamic")["id"]
    deadline = runpod.seconds() + 5
    assert runpod.endpoint.purge("sdruntime", deadline=deadline, tenant=SHARED) == {"removed": 6, "status": "completed"}
    assert runpod.endpoint.purge("sdruntime", deadline=deadline, tenant=SHARED) == {"removed": 0, "status": "completed"}
    states = [runpod.harness.record(task_id).status for task_id in ids]
    assert states == [Status.IN_PROGRESS] * 2 + [Status.CANCELLED] * 6
    assert runpod.harness.record(other).status is Status.IN_QUEUE


def test_a_queue_too_long_for_one_call_is_purged_by_several(runpod: Runpod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.runpod_api.endpoint.PAGE_SIZE", 2)
    for _ in range(5):
        runpod.run()
    removed = 0
    answers: list[dict[str, Any]] = []
    while not answers or answers[-1]["status"] == "incomplete":
        answers.append(runpod.endpoint.purge("sdruntime", deadline=runpod.seconds(), tenant=SHARED))
        removed += answers[-1]["removed"]
    assert removed == 5
    assert len(answers) == 3


def test_health_counts_jobs_and_replicas(runpod: Runpod, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.runpod_api.endpoint.PAGE_SIZE", 2)
    waiting, running, beside, done, failed, late = (runpod.run()["id"] for _ in range(6))
    for task_id, owner in ((running, "a/1"), (beside, "a/2"), (done, "b/1"), (failed, "b/2"), (late, "b/3")):
        runpod.harness.claim(task_id, owner=owner)
    runpod.harness.finish(done, DONE, owner="b/1")
    runpod.harness.finish(failed, FAILED, owner="b/2")
    runpod.harness.finish(late, replace(FAILED, status=Status.TIMED_OUT), owner="b/3")
    assert runpod.endpoint.health("sdruntime", tenant=SHARED) == {
        "jobs": {"completed": 1, "failed": 2, "inProgress": 2, "inQueue": 1, "retried": 0},
        "workers": {"idle": 0, "running": 1},
    }
    harness = runpod.harness
    for replica, age_ms in (("a", 0), ("c", 1000), ("d", HEARTBEAT_EXPIRY_MS + 1)):
        request = heartbeat(replica, "sdruntime", now_ms=harness.now_ms - age_ms)
        harness.dynamodb.update_item(TableName="tasks", **request)
    assert runpod.endpoint.health("sdruntime", tenant=SHARED)["workers"] == {"idle": 1, "running": 1}
    assert runpod.endpoint.health("dynamic", tenant=SHARED)["workers"] == {"idle": 0, "running": 0}
    assert harness.repository.read("replica/c") is None
    runpod.retry(failed)
    assert runpod.endpoint.health("sdruntime", tenant=SHARED)["jobs"] == {
        "completed": 1,
        "failed": 1,
        "inProgress": 2,
        "inQueue": 2,
        "retried": 1,
    }
    assert waiting


def test_another_runtimes_job_is_not_there(runpod: Runpod) -> None:
    task_id = runpod.run()["id"]
    for call in (runpod.jobs.status, runpod.jobs.stream, runpod.jobs.cancel):
        with pytest.raises(TaskNotFound):
            call("dynamic", task_id, tenant=SHARED)
        with pytest.raises(TaskNotFound):
            call("sdruntime", "nobody", tenant=SHARED)
        with pytest.raises(RuntimeNotFound, match="configured: dynamic, sdruntime"):
            call("nowhere", task_id, tenant=SHARED)
    with pytest.raises(RuntimeNotFound):
        runpod.run(runtime="nowhere")
    with pytest.raises(RuntimeNotFound):
        runpod.endpoint.health("nowhere", tenant=SHARED)
    with pytest.raises(RuntimeNotFound):
        runpod.endpoint.purge("nowhere", deadline=0, tenant=SHARED)


def test_a_bad_body_is_refused_with_its_fields(runpod: Runpod) -> None:
    with pytest.raises(InvalidTask) as refusal:
        runpod.run({"input": {"api": {"method": "GET", "endpoint": "/sdapi/v1/txt2img"}}, "policy": {"ttl": 1}})
    assert {detail.field for detail in refusal.value.details} == {"input.api.method", "policy.ttl"}
    for body in ("", "[]", "{"):
        with pytest.raises(InvalidJson):
            runpod.jobs.run("sdruntime", body, caller=runpod.caller())
    assert runpod.harness.task_topic.sent == []


@pytest.mark.parametrize(("text", "milliseconds"), [(None, 90_000), ("1000", 1000), ("300000", 300_000)])
def test_wait_is_what_runpod_takes(text: str | None, milliseconds: int) -> None:
    assert wait_ms(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    ["", "999", "300001", "-1", "1e5", "٣٣٣٣", "9" * 50, "000001000" + "0" * 5000, "0000010009999"],
    ids=lambda text: text[:20],
)
def test_every_other_wait_is_refused(text: str) -> None:
    with pytest.raises(InvalidTask, match=r"wait: is .* write milliseconds from 1000 to 300000"):
        wait_ms(text)


def test_a_job_whose_outputs_were_deleted_is_gone(runpod: Runpod) -> None:
    task_id = runpod.run()["id"]
    runpod.harness.claim(task_id)
    runpod.harness.finish(task_id, DONE)
    runpod.harness.s3.delete_object(Bucket="out", Key="a-1.png")
    for call in (runpod.status, lambda job_id: runpod.jobs.stream("sdruntime", job_id, tenant=SHARED)):
        with pytest.raises(OutputGone):
            call(task_id)
