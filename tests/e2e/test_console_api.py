"""Parts of the HTTP API that the console needs, over the local gateway: files, lists, requests, retries and fleet."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.harness.local_system import System

pytestmark = [pytest.mark.xdist_group("local_system")]

Submit = Callable[..., dict[str, Any]]


def get(system: System, path: str, **headers: str) -> httpx.Response:
    return httpx.get(system.endpoints["http_url"] + path, headers=headers, timeout=60)


@pytest.fixture
def submit(system: System) -> Submit:
    """Submit a small task and return it when it has ended."""

    def run(task_id: str, **content: Any) -> dict[str, Any]:
        metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image"}
        small = {"prompt": "A dog", "steps": 2, "width": 64, "height": 64}
        response = system.http(
            "POST", "/v1alpha2", json={"task": {"metadata": metadata, "content": {**small, **content}}}
        )
        assert response.status_code == 200, response.text
        return system.eventually(lambda: ended(system.shown(task_id)), f"the end of {task_id}")

    return run


def ended(task: dict[str, Any]) -> dict[str, Any] | None:
    return task if task["completed_at"] else None


def test_the_console_is_served_without_a_key_and_compressed(system: System) -> None:
    page = get(system, "/console/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert system.endpoints["aws_endpoint_url"] in policy, "the page shows pictures and uploads its inputs"
    (folder,) = re.findall('<base href="([^"]+)">', page.text)
    (script,) = re.findall('<script type="module" src="([^"]+)">', page.text)
    loaded = get(system, folder + script)
    assert (loaded.status_code, loaded.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert loaded.headers["content-encoding"] == "gzip"
    assert "immutable" in loaded.headers["cache-control"]
    assert get(system, folder + script, **{"if-none-match": loaded.headers["etag"]}).status_code == 304
    assert get(system, f"{folder}nothing.js").status_code == 404
    assert get(system, folder + script, **{"accept-encoding": "identity"}).headers.get("content-encoding") is None
    assert system.endpoints["console_url"] == f"{system.endpoints['http_url']}/console/"


def test_a_task_is_found_by_text_and_key_and_shown_with_its_request(system: System, submit: Submit) -> None:
    done = submit("console-found", prompt="A Lighthouse on a cliff")
    assert (done["prompt"], done["key"], done["picture_count"]) == ("A Lighthouse on a cliff", "default", 1)
    assert done["waits_for"] is None

    def found(**query: str) -> list[dict[str, Any]]:
        tasks: list[dict[str, Any]] = system.http("GET", "/v1alpha2/tasks", params=query).json()["tasks"]
        return [task for task in tasks if task["id"] == "console-found"]

    (listed,) = system.eventually(lambda: found(text="lighthouse", key="default"), "the task in the list")
    assert httpx.get(listed["thumbnail"], timeout=60).headers["content-type"] == "image/webp"
    assert (listed["prompt"], listed["picture_count"], listed["error_code"]) == (done["prompt"], 1, None)
    assert found(text="CONSOLE-FOUND")
    assert not found(text="lighthouse", key="guest")
    assert not found(text="no such text")
    request = system.http("GET", "/v1alpha2/tasks/console-found/request").json()
    assert request["task"]["content"]["prompt"] == "A Lighthouse on a cliff"
    assert request["left_out"] == []
    assert request["info"]["all_seeds"]
    other = system.http("GET", "/v1alpha2/tasks/console-found/request", key=system.api_key("guest"))
    assert other.status_code == 404


@pytest.mark.slow
def test_a_failed_task_is_retried(system: System, submit: Submit) -> None:
    failed = submit("console-retried", sampler_name="No Such Sampler")
    assert (failed["status"], failed["error_code"]) == ("FAILED", "unknown_sampler")
    retried = system.http("POST", "/v1alpha2/tasks/console-retried/retry")
    assert (retried.status_code, retried.json()["id_task"]) == (200, "console-retried")
    again = system.eventually(lambda: ended(system.shown("console-retried")), "the end of the second run")
    assert again["submitted_at"] > failed["submitted_at"]
    submit("console-done")
    refused = system.http("POST", "/v1alpha2/tasks/console-done/retry")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "not_retryable")


@pytest.mark.slow
def test_runtimes_name_what_their_tasks_may_use(system: System) -> None:
    listed = system.http("GET", "/v1alpha2/runtimes").json()["runtimes"]
    assert [runtime["name"] for runtime in listed] == ["sdruntime", "dynamic", "comfyui"]
    assert system.http("GET", "/runtimes/sdruntime/sdapi/v1/samplers").status_code == 200
    shown = system.http("GET", "/v1alpha2/runtimes/sdruntime").json()
    assert "Euler a" in shown["samplers"]
    assert shown["loras"] == ["ink"]
    assert shown["checkpoints"] == [listed[0]["model_filename"]]
    assert system.http("GET", "/v1alpha2/runtimes/nothing").status_code == 404


def test_the_fleet_is_shown_to_keys_that_see_all_tasks(system: System) -> None:
    assert system.http("GET", "/v1alpha2/fleet").json()["error"]["code"] == "forbidden"
    fleet = system.http("GET", "/v1alpha2/fleet", key=system.api_key("boss")).json()
    assert [runtime["name"] for runtime in fleet["runtimes"]] == ["sdruntime", "dynamic", "comfyui"]
    assert (fleet["nodes"], fleet["undelivered_webhooks"]) == (None, 0)


@pytest.mark.slow
def test_the_fleet_counts_the_pictures_that_were_made(system: System, submit: Submit) -> None:
    submit("console-counted")
    key = system.api_key("boss")

    def counted() -> dict[str, Any] | None:
        runtime: dict[str, Any] = system.http("GET", "/v1alpha2/fleet", key=key).json()["runtimes"][0]
        hour = runtime["last_hour"]
        return runtime if hour["pictures"] and hour["completed"] and hour["replica_hours"] else None

    # A replica reports once a minute, and the function reads the metrics once a minute.
    runtime = system.eventually(counted, "metrics of the fleet", 240)
    assert runtime["replicas"]["live"] == 1
    assert runtime["last_hour"]["cost_usd"] > 0
    assert runtime["chart"]["pictures"][-1] or runtime["chart"]["pictures"][-2]
