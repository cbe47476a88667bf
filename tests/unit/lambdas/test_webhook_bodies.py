"""Bodies of webhooks: the callback for our formats, the job for RunPod's."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.callback import callback_for
from contract.formats import Format
from contract.record import Record, Status
from contract.transitions import Outcome
from lambdas.deliver_webhook import webhook_bodies
from lambdas.deliver_webhook.webhook_bodies import WebhookBodies
from lambdas.tasks.output_bucket import OutputBucket
from tests.unit.lambdas.harness import Harness

HOOK = "https://example.com/hook"
INPUT = {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {"prompt": "A dog"}}
FAILED = Outcome(Status.FAILED, error={"code": "webui_refused", "message": "no"})
Render = Callable[[Record], dict[str, Any]]
EndedTask = Callable[..., Record]
PICTURE = b"\x89PNG picture"


@pytest.fixture
def render(harness: Harness) -> Render:
    harness.s3.create_bucket(Bucket="out")
    harness.s3.put_object(Bucket="out", Key="a.png", Body=PICTURE)
    harness.s3.put_object(Bucket="out", Key="a.out", Body=b'{"info": "{}", "parameters": {}}')
    made = WebhookBodies(task_bucket=harness.task_bucket, outputs=OutputBucket(client=harness.s3))
    return lambda record: json.loads(made.render(record))


@pytest.fixture
def ended(harness: Harness) -> EndedTask:
    def end(body: dict[str, Any], outcome: Outcome | None = None) -> Record:
        options: dict[str, Any] = {"runtime_name": "sdruntime", "generated_id": "job"}
        harness.submit(body | {"webhook": HOOK}, format_=Format.RUNPOD, **options)
        harness.now_ms += 1000
        harness.claim("job", owner="replica-1/delivery")
        harness.now_ms += 2000
        done = Outcome(Status.COMPLETED, image_urls=("s3://out/a.png",), output_url="s3://out/a.out")
        harness.finish("job", outcome or done, owner="replica-1/delivery")
        return harness.record("job")

    return end


def test_a_job_gets_its_status_with_input_and_webhook(render: Render, ended: EndedTask) -> None:
    assert render(ended({"input": INPUT})) == {
        "id": "job",
        "status": "COMPLETED",
        "delayTime": 1000,
        "executionTime": 2000,
        "workerId": "replica-1",
        "output": {"images": [base64.b64encode(PICTURE).decode()], "info": "{}", "parameters": {}},
        "input": INPUT,
        "webhook": HOOK,
    }


def test_the_input_has_the_checkpoint_that_the_sender_named(render: Render, ended: EndedTask) -> None:
    options = {"sd_model_checkpoint": "v1-5-pruned-emaonly", "sd_vae": "a.vae.pt"}
    call = INPUT | {"payload": {"prompt": "A dog", "override_settings": options}}
    assert render(ended({"input": call}))["input"] == call


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.TIMED_OUT])
def test_a_job_that_did_not_complete_says_why(render: Render, ended: EndedTask, status: Status) -> None:
    """Reported of other services: a webhook is sent for jobs that complete, and for no other."""
    record = ended({"input": INPUT}, Outcome(status, error={"code": "webui_refused", "message": "no"}))
    body = render(record)
    assert record.webhook == HOOK
    assert (body["status"], body["error"]) == (status.value, "webui_refused: no")
    assert "output" not in body
    assert body["input"] == INPUT


def test_a_large_request_comes_from_the_bucket(render: Render, ended: EndedTask) -> None:
    large = INPUT | {"payload": {"note": "x" * 300_000}}
    record = ended({"input": large})
    assert record.message_key
    assert render(record)["input"] == large


def test_of_a_request_with_pictures_only_the_call_is_repeated(
    render: Render, ended: EndedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_bodies, "MAX_INPUT_BYTES", 1000)
    record = ended({"input": INPUT | {"payload": {"prompt": "x" * 1001}}})
    assert render(record)["input"] == {"api": INPUT["api"]}


def test_what_does_not_fit_beside_the_request_is_linked(
    render: Render, ended: EndedTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_bodies, "MAX_RESPONSE_BYTES", 130)
    output = render(ended({"input": INPUT}))["output"]
    assert output["image_format"] == "url"
    assert output["images"][0].startswith("https://")


def test_a_request_that_is_gone_keeps_nobody_from_the_outcome(
    harness: Harness, render: Render, ended: EndedTask
) -> None:
    record = ended({"input": INPUT | {"payload": {"prompt": "x" * 10_000}}})
    harness.s3.delete_object(Bucket="task-bucket", Key=record.message_key)
    assert render(record)["input"] is None


@pytest.mark.parametrize("key", ["a.png", "a.out"])
def test_a_missing_output_does_not_hide_the_outcome(
    harness: Harness, render: Render, ended: EndedTask, key: str
) -> None:
    record = ended({"input": INPUT})
    harness.s3.delete_object(Bucket="out", Key=key)
    body = render(record)
    assert (body["status"], body["output"], body["input"]) == ("COMPLETED", None, INPUT)


@pytest.mark.parametrize("format_", [Format.V1ALPHA1, Format.V1ALPHA2])
def test_our_own_formats_get_the_callback(render: Render, ended: EndedTask, format_: Format) -> None:
    record = ended({"input": INPUT}).model_copy(update={"format": format_.value})
    assert render(record) == callback_for(record)
