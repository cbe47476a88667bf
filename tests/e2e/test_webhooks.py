"""Webhooks of the running system: signed, retried, visible on the task, and delivered again on request."""

import base64
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.harness.https_receiver import status
from tests.harness.local_system import System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]


def task(task_id: str, webhook: str, **content: Any) -> dict[str, Any]:
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", "context": {"order": 7}}
    body = {"prompt": "A dog", "steps": 1, "width": 64, "height": 64} | content
    return {"task": {"metadata": metadata | {"webhook": webhook}, "content": body}}


def received(system: System, path: str, number: int = 1) -> Any:
    def poll() -> Any:
        requests = system.receiver.of(path)
        return requests if len(requests) >= number else None

    return system.eventually(poll, f"{number} deliveries to {path}")


def test_the_end_of_a_task_is_posted_signed_and_posted_again_on_request(system: System) -> None:
    system.publish(task("hook", system.receiver.url("/hook")))
    [request] = received(system, "/hook")
    verifier = Webhook(system.endpoints["webhook_secret"])
    assert verifier.verify(request.body, request.headers) == system.callback(id="hook")

    def delivered() -> Any:
        return system.shown("hook")["webhook"] == {
            "state": "delivered",
            "attempts": 1,
            "lastStatus": 200,
            "lastError": None,
        }

    system.eventually(delivered, "the trace of the delivery")
    answer = system.http("POST", "/v1alpha2/tasks/hook/webhook")
    assert (answer.status_code, answer.json()["id"]) == (202, "hook")
    first, again = received(system, "/hook", 2)
    assert (again.headers["webhook-id"], again.body) == (first.headers["webhook-id"], first.body)
    verifier.verify(again.body, again.headers)


def test_a_job_of_a_runpod_client_gets_its_status_with_input_and_webhook(system: System) -> None:
    payload = {"prompt": "A dog", "steps": 1, "width": 64, "height": 64}
    request = {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": payload}
    url = system.receiver.url("/runpod")
    job = system.http("POST", "/v2/sdruntime/run", json={"input": request, "webhook": url}).json()
    [received_] = received(system, "/runpod")
    body = Webhook(system.endpoints["webhook_secret"]).verify(received_.body, received_.headers)
    assert (body["id"], body["status"], body["input"], body["webhook"]) == (job["id"], "COMPLETED", request, url)
    assert base64.b64decode(body["output"]["images"][0]).startswith(b"\x89PNG")


def test_a_failing_endpoint_is_seen_on_the_task_until_it_takes_it(system: System) -> None:
    system.receiver.answers["/fails-once"] = status(500)
    response = system.http(
        "POST", "/v1alpha2", json=task("fails", system.receiver.url("/fails-once"), sampler_name="None")
    )
    assert response.status_code == 200
    [request] = received(system, "/fails-once")
    assert b'"status":"failed"' in request.body

    def attempted() -> Any:
        webhook = system.shown("fails")["webhook"]
        return webhook["attempts"] >= 1 and webhook

    trace = system.eventually(attempted, "the trace of the attempt")
    assert (trace["state"], trace["lastStatus"]) == ("pending", 500)
    del system.receiver.answers["/fails-once"]
    # The second attempt by itself comes after ten seconds; this one comes before.
    assert system.http("POST", "/v1alpha2/tasks/fails/webhook").status_code == 202
    received(system, "/fails-once", 2)
    system.eventually(lambda: system.shown("fails")["webhook"]["state"] == "delivered", "the delivery")


@pytest.mark.slow  # the first pause takes ten seconds
def test_a_second_attempt_comes_by_itself(system: System) -> None:
    system.receiver.answers["/recovers"] = status(503)
    system.publish(task("recovers", system.receiver.url("/recovers")))
    received(system, "/recovers")
    del system.receiver.answers["/recovers"]
    received(system, "/recovers", 2)
    delivered = {"state": "delivered", "attempts": 2, "lastStatus": 200, "lastError": None}
    system.eventually(lambda: system.shown("recovers")["webhook"] == delivered, "the trace of both attempts")


@pytest.mark.parametrize(
    ("task_id", "status_code", "code"), [("nobody", 404, "task_not_found"), ("no-hook", 409, "no_webhook")]
)
def test_a_webhook_that_there_is_not(system: System, task_id: str, status_code: int, code: str) -> None:
    body = task("no-hook", "https://example.com")
    del body["task"]["metadata"]["webhook"]
    assert system.http("POST", "/v1alpha2", json=body).status_code == 200
    response = system.http("POST", f"/v1alpha2/tasks/{task_id}/webhook")
    assert (response.status_code, response.json()["error"]["code"]) == (status_code, code)


def test_a_webhook_to_where_none_may_lead_is_failed_delivery(system: System) -> None:
    system.publish(task("inward", "https://169.254.169.254/latest/meta-data/"))

    def failed_delivery() -> Any:
        found = system.task("inward")
        return found and found["webhook"]["state"] == "failed" and found["webhook"]

    assert "not a public address" in system.eventually(failed_delivery, "the refusal")["lastError"]
