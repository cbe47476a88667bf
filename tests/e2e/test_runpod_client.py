"""RunPod's own client against the local system, with nothing changed but the base URL and the key."""

import asyncio
import base64
import io
import json
import random
from typing import Any

import aiohttp
import pytest
import requests
from PIL import Image

from lambdas.tasks.webui_responses import MAX_RESPONSE_BYTES
from tests.harness.local_system import SLOW, System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]


@pytest.fixture
def client(system: System, monkeypatch: pytest.MonkeyPatch) -> Any:
    import runpod  # noqa: PLC0415 - takes seconds, and every process reads this file to know its tests

    # The client reads RUNPOD_ENDPOINT_BASE_URL when it is imported, into this.
    monkeypatch.setattr(runpod, "endpoint_url_base", f"{system.endpoints['http_url']}/v2")
    monkeypatch.setattr(runpod, "api_key", system.endpoints["api_key"])
    return runpod


@pytest.fixture
def endpoint(client: Any) -> Any:
    return client.Endpoint("sdruntime")


def call(path: str = "/sdapi/v1/txt2img", method: str = "POST", **payload: Any) -> dict[str, Any]:
    small = {"prompt": "A dog", "steps": 2, "width": 64, "height": 64, "seed": 1} if path.endswith("2img") else {}
    return {"api": {"method": method, "endpoint": path}, "payload": small | payload}


def picture(output: Any) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(output["images"][0])))


def slow() -> dict[str, Any]:
    """Return a call that runs until it is cancelled."""
    return call(**SLOW)


def noise(side: int) -> str:
    """Return a picture of which a PNG is as large as its pixels: 3 bytes each."""
    buffer = io.BytesIO()
    pixels = random.Random(1).randbytes(3 * side * side)  # noqa: S311 - noise, no secret
    Image.frombytes("RGB", (side, side), pixels).save(buffer, "JPEG", quality=50)
    return base64.b64encode(buffer.getvalue()).decode()


def test_run_status_and_output(endpoint: Any) -> None:
    job = endpoint.run(call())
    assert job.status() in {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"}
    output = job.output(timeout=60)
    assert job.status() == "COMPLETED"
    assert picture(output).size == (64, 64)
    assert json.loads(output["info"])["seed"] == 1


def test_run_sync(endpoint: Any) -> None:
    assert picture(endpoint.run_sync(call())).size == (64, 64)
    names = [sampler["name"] for sampler in endpoint.run_sync(call("sdapi/v1/samplers", "GET"))]
    assert "Euler a" in names
    assert endpoint.run_sync(call("/sdapi/v1/refresh-checkpoints")) is None


def test_a_job_longer_than_the_wait_is_polled_to_its_output(endpoint: Any, client: Any, system: System) -> None:
    before = endpoint.run(slow())
    status = f"/v2/sdruntime/status/{before.job_id}"
    # A queue keeps no order: the job that is waited for must not come before it.
    system.eventually(lambda: system.http("GET", status).json().get("output", {}).get("progress"), "the generation")
    waiting = client.Endpoint("sdruntime")
    answers: list[dict[str, Any]] = []

    def record(response: requests.Response, **_: Any) -> None:
        answers.append(response.json())
        if len(answers) == 1:
            # Only now may the replica begin with the job that is waited for.
            before.cancel(timeout=20)

    waiting.rp_client.rp_session.params = {"wait": "1000"}
    waiting.rp_client.rp_session.hooks["response"].append(record)
    assert picture(waiting.run_sync(call(), timeout=60)).size == (64, 64)
    assert answers[0].keys() == {"id", "status"}
    assert answers[0]["status"] in {"IN_QUEUE", "IN_PROGRESS"}
    assert answers[-1]["status"] == "COMPLETED"


def test_an_answer_of_more_than_six_megabytes_has_links(endpoint: Any, system: System) -> None:
    side = 1400
    request = call("/sdapi/v1/extra-single-image", image=noise(side), upscaling_resize=1)
    output = endpoint.run_sync(request, timeout=60)
    assert output["image_format"] == "url"
    made = requests.get(output["image"], timeout=30)
    assert len(base64.b64encode(made.content)) > MAX_RESPONSE_BYTES
    assert Image.open(io.BytesIO(made.content)).size == (side, side)
    # The bridge cannot put links where a Web UI client looks for pictures.
    refused = system.http("POST", "/sdapi/v1/extra-single-image", json=request["payload"])
    assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    assert requests.get(refused.json()["links"][0], timeout=30).content == made.content


def test_a_stream_ends_with_the_output(endpoint: Any) -> None:
    *progress, output = endpoint.run(call(steps=20, width=256, height=256)).stream()
    shares = [part["progress"] for part in progress]
    assert shares == sorted(shares)
    assert all(0 <= share < 1 for share in shares)
    assert picture(output).size == (256, 256)


def test_cancelling_a_running_and_a_waiting_job(endpoint: Any, system: System) -> None:
    running = endpoint.run(slow())
    system.eventually(lambda: running.status() == "IN_PROGRESS", "the job's pick-up")
    waiting = [endpoint.run(slow()) for _ in range(6)]
    for job in (*waiting[::-1], running):
        assert job.cancel(timeout=20) == {"id": job.job_id, "status": "CANCELLED"}
        assert job.status() == "CANCELLED"
        with pytest.raises(requests.HTTPError, match="404"):
            next(job.stream())
    # The replica is free again at once.
    assert picture(endpoint.run_sync(call())).size == (64, 64)


def test_purging_the_queue_and_the_health(endpoint: Any, system: System) -> None:
    running = endpoint.run(slow())
    system.eventually(lambda: running.status() == "IN_PROGRESS", "the job's pick-up")
    jobs = [endpoint.run(slow()) for _ in range(10)]
    health = endpoint.health(timeout=20)
    assert health["jobs"].keys() == {"completed", "failed", "inProgress", "inQueue", "retried"}
    assert health["jobs"]["inProgress"] + health["jobs"]["inQueue"] >= 11
    assert health["workers"]["running"] == 1
    purged = endpoint.purge_queue(timeout=20)
    states = [job.status() for job in jobs]
    assert purged == {"removed": states.count("CANCELLED"), "status": "completed"}
    # A replica holds a few tasks in addition to the running one. The others are gone.
    assert states.count("CANCELLED") >= 5
    for job in (running, *(job for job, state in zip(jobs, states, strict=True) if state != "CANCELLED")):
        job.cancel(timeout=20)
    idle = {"idle": 1, "running": 0}
    system.eventually(lambda: endpoint.health(timeout=20)["workers"] == idle, "the replica's rest")


def test_a_long_wait_at_the_functions_own_url(
    endpoint: Any, client: Any, system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "endpoint_url_base", f"{system.endpoints['function_urls']['runpod_api']}/v2")
    beside = client.Endpoint("sdruntime")
    assert picture(beside.run_sync(call())).size == (64, 64)
    job = beside.run(call())
    assert picture(endpoint.rp_client.get(f"sdruntime/status/{job.job_id}") and job.output(timeout=60)).size == (64, 64)
    with pytest.raises(RuntimeError, match="401"):
        client.Endpoint("sdruntime", api_key="wrong").run_sync(call())


def test_a_wrong_key_and_an_unknown_endpoint(client: Any) -> None:
    with pytest.raises(RuntimeError, match="401"):
        client.Endpoint("sdruntime", api_key="wrong").run(call())
    with pytest.raises(requests.HTTPError, match="404"):
        client.Endpoint("nowhere").run(call())


def test_a_call_that_is_not_allowed(endpoint: Any) -> None:
    with pytest.raises(requests.HTTPError, match="400"):
        endpoint.run(call("/sdapi/v1/server-kill"))
    with pytest.raises(requests.HTTPError, match="400"):
        endpoint.run(call("/sdapi/v1/samplers", "POST"))


def test_a_clients_own_timeout(endpoint: Any) -> None:
    job = endpoint.run(slow())
    with pytest.raises(TimeoutError):
        job.output(timeout=1)
    job.cancel(timeout=20)


def test_webhook_and_policy_are_passed_on(endpoint: Any, system: System) -> None:
    job = endpoint.run(
        {"input": slow(), "webhook": "https://example.com/hook", "policy": {"executionTimeout": 5000, "ttl": 60_000}}
    )
    item = system.item(job.job_id)
    assert item["webhook"] == {"S": "https://example.com/hook"}
    assert (item["execution_timeout_ms"], item["ttl_ms"]) == ({"N": "5000"}, {"N": "60000"})
    system.eventually(lambda: job.status() == "TIMED_OUT", "the time limit")
    body = system.http("GET", f"/v2/sdruntime/status/{job.job_id}").json()
    assert body["error"].startswith("execution_timeout")
    assert system.http("POST", f"/v2/sdruntime/retry/{job.job_id}").json() == {"id": job.job_id, "status": "IN_QUEUE"}
    assert system.http("POST", f"/v2/sdruntime/cancel/{job.job_id}").status_code == 200


def test_a_job_of_low_priority_runs_when_nothing_else_does(endpoint: Any, system: System) -> None:
    running = endpoint.run(slow())
    system.eventually(lambda: running.status() == "IN_PROGRESS", "the job's pick-up")
    low = endpoint.run({"input": call(), "policy": {"lowPriority": True}})
    normal = [endpoint.run(call()) for _ in range(6)]
    running.cancel(timeout=20)
    for job in (*normal, low):
        assert picture(job.output(timeout=60)).size == (64, 64)

    def started_at(job: Any) -> float:
        return float(system.item(job.job_id)["started_at_ms"]["N"])

    # A replica may claim it before the next tasks arrive, but not before all of them.
    assert started_at(low) > min(started_at(job) for job in normal)


def test_the_asyncio_endpoint(client: Any) -> None:
    async def talk() -> None:
        async with aiohttp.ClientSession() as session:
            endpoint = client.AsyncioEndpoint("sdruntime", session)
            assert (await endpoint.health())["jobs"]["completed"] >= 1
            job = await endpoint.run(call())
            assert picture(await job.output(timeout=60)).size == (64, 64)
            assert await job.status() == "COMPLETED"
            parts = [part async for part in job.stream()]
            assert picture(parts[-1]).size == (64, 64)
            assert (await endpoint.purge_queue())["status"] == "completed"
            late = await endpoint.run(slow())
            assert await late.cancel() == {"id": late.job_id, "status": "CANCELLED"}
            assert await late.status() == "CANCELLED"

    asyncio.run(talk())
