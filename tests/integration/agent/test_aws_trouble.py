"""SQS, S3 and DynamoDB refuse, throttle, hang or break off at each step: nothing is lost, doubled or repeated."""

import base64
import json
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from contract.record import Status
from contract.storage import S3Location, encode_pointer
from stub_webui.png_images import plain_png
from tests.integration.agent.aws_trouble import Step, Trouble, TroubledAws
from tests.integration.agent.harness import Harness, make_harness

_UPDATE = "DynamoDB_20120810.UpdateItem"
#: What a Web UI's failure makes of a task.
RELEASE = Step("release", _UPDATE, ("last_error =",))
CLAIM = Step("claim", _UPDATE, ("attempts",))
RENEWAL = Step("renew the lease", _UPDATE, ("SET lease_expires_at_ms",))
COMMIT = Step("commit", _UPDATE, ("COMPLETED",))
#: A heartbeat without progress to write. Most heartbeats of a busy machine have some.
READ = Step("read the record", "DynamoDB_20120810.BatchGetItem")
STEPS = (
    Step("receive", "AmazonSQS.ReceiveMessage"),
    Step("read the message", "GET", ("/messages/",)),
    READ,
    CLAIM,
    Step("fetch a link", "GET", ("/inputs/",)),
    Step("renew the visibility", "AmazonSQS.ChangeMessageVisibility"),
    RENEWAL,
    Step("upload", "PUT", ("/output/",)),
    COMMIT,
    Step("write progress", _UPDATE, ("SET progress_permille",)),
    RELEASE,
    Step("delete the message", "AmazonSQS.DeleteMessage"),
)
#: One step for each kind of trouble, for the inner gate; all others are slow.
REPRESENTATIVES = (
    (Trouble.REFUSES, COMMIT),
    (Trouble.THROTTLES, CLAIM),
    (Trouble.HANGS, RENEWAL),
    (Trouble.BREAKS_OFF, COMMIT),
)
#: Seconds of trouble: longer than botocore's own tries, shorter than a lease.
TROUBLE_SECONDS = 1.5
#: Tasks that go their way at the same time: each is an agent, and the machine may have two cores for all.
AT_A_TIME = 5
#: Seconds within which everything has ended once the service is back. A hanging upload is noticed after 15.
RECOVERY_SECONDS = {Trouble.REFUSES: 40.0, Trouble.THROTTLES: 40.0, Trouble.HANGS: 60.0, Trouble.BREAKS_OFF: 40.0}
#: Seconds of the visibility timeout: a call that hangs is given up after 4 to 15, and the lease must outlast that.
VISIBILITY_TIMEOUT_SECONDS = {Trouble.REFUSES: 8, Trouble.THROTTLES: 8, Trouble.HANGS: 12, Trouble.BREAKS_OFF: 8}
#: Few, since each step of a busy machine takes longer than it should.
STEPS_PER_SECOND = 20


def fail_once() -> Callable[[str, dict[str, Any]], tuple[int, Any] | None]:
    """Let the Web UI fail the first generation before it begins."""
    failed: list[str] = []

    def intercept(path: str, _body: dict[str, Any]) -> tuple[int, Any] | None:
        if not path.endswith("img2img") or failed:
            return None
        failed.append(path)
        # A 500 would be tried again by this agent.
        return 502, b"Bad Gateway"

    return intercept


def journey(harness: Harness, step: Step, trouble: Trouble) -> None:
    """Let one task of every means go its way while `step` is in trouble."""
    visibility_timeout_seconds = VISIBILITY_TIMEOUT_SECONDS[trouble]
    # It is renewed after a third, so at least once while the task is generated.
    generation_seconds = visibility_timeout_seconds * (0.6 if step is READ else 0.4)
    harness.webui.seconds_per_step = 1 / STEPS_PER_SECOND
    aws = TroubledAws(harness.endpoint_url, step, trouble, TROUBLE_SECONDS)
    with aws.serve() as url:
        content = {
            "prompt": "cat",
            "steps": int(generation_seconds * STEPS_PER_SECOND),
            "init_images": [f"s3://{harness.link_bucket}/inputs/cat.png"],
        }
        if step is RELEASE:
            harness.webui.intercept = fail_once()
        message = harness.message("cat", content, tasktype="image-to-image")
        harness.record(message)
        harness.s3.put_object(Bucket=harness.link_bucket, Key="inputs/cat.png", Body=plain_png("input"))
        harness.s3.put_object(Bucket=harness.task_bucket, Key="messages/cat.json", Body=message.to_body().encode())
        harness.send(encode_pointer(S3Location(harness.task_bucket, "messages/cat.json")))
        agent = harness.start_agent(AWS_ENDPOINT_URL=url, VISIBILITY_TIMEOUT_SECONDS=visibility_timeout_seconds)

        record = harness.wait_for("cat", Status.COMPLETED, seconds=generation_seconds + RECOVERY_SECONDS[trouble])
        harness.wait_until_queue_is_empty()

        assert aws.troubled, f"{step.name} was never in trouble"
        assert agent.is_running, "the agent has ended"
        assert len(harness.webui.runs) == 1, "generated more than once"
        assert record.attempts == (2 if step is RELEASE else 1), "taken up more than once"
        assert harness.webui.runs[0].body["init_images"] == [base64.b64encode(plain_png("input")).decode()]
        # A thumbnail is given up sooner than the picture and the response.
        assert len([key for key in harness.outputs() if "thumbnail" not in key]) == 2
        assert harness.counts(harness.dead_letter_url) == (0, 0)


@pytest.mark.parametrize(("trouble", "step"), REPRESENTATIVES, ids=lambda value: getattr(value, "name", ""))
def test_trouble_at_a_representative_step_is_waited_out(harness: Harness, trouble: Trouble, step: Step) -> None:
    journey(harness, step, trouble)


@pytest.mark.slow
@pytest.mark.parametrize("trouble", list(RECOVERY_SECONDS), ids=lambda trouble: trouble.name.lower())
def test_trouble_at_any_step_is_waited_out(aws_endpoint: str, tmp_path: Path, trouble: Trouble) -> None:
    problems: dict[str, BaseException] = {}
    may_go = threading.Semaphore(AT_A_TIME)

    def run(step: Step, harness: Harness) -> None:
        try:
            with may_go:
                journey(harness, step, trouble)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            problems[step.name] = error

    # Each mostly waits, so some run at the same time, each with a separate AWS, Web UI and agent.
    with ExitStack() as stack:
        threads = []
        for step in STEPS:
            directory = tmp_path / step.name.replace(" ", "-")
            directory.mkdir()
            harness = stack.enter_context(make_harness(aws_endpoint, directory))
            threads.append(threading.Thread(target=run, args=(step, harness), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()
    assert not problems, json.dumps({name: str(error) for name, error in problems.items()}, indent=1)
