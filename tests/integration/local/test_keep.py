"""`python -m local up --keep`: tasks, images and models are there again after a stop and after a kill."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.harness.eventually import eventually
from tests.harness.local_system import PROJECT, READY_SECONDS, environment_file, read_endpoints, up_command

pytestmark = [pytest.mark.xdist_group("up")]
FINISHED, WAITING = "finished", "waiting"


class Client:
    """Callers of one run."""

    def __init__(self, endpoints: dict[str, Any]) -> None:
        self._endpoints = endpoints
        self.s3 = boto3.client(
            "s3",
            endpoint_url=endpoints["aws_endpoint_url"],
            region_name=endpoints["region"],
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        self.model_bucket = str(endpoints["model_bucket"])
        self.api_key = str(endpoints["api_key"])

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"x-api-key": self.api_key}
        return httpx.request(method, self._endpoints["http_url"] + path, headers=headers, json=body, timeout=60)

    def submit(self, task_id: str) -> None:
        metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image"}
        content = {"prompt": "A dog", "steps": 1, "width": 64, "height": 64}
        answer = self.call("POST", "/v1alpha2", {"task": {"metadata": metadata, "content": content}})
        assert answer.status_code == 200, answer.text

    def task(self, task_id: str) -> dict[str, Any]:
        task: dict[str, Any] = self.call("GET", f"/v1alpha2/tasks/{task_id}").json()
        return task

    def has_ended(self, task_id: str) -> bool:
        return self.task(task_id).get("status") == "COMPLETED"

    def callbacks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(self._endpoints["callbacks_url"], timeout=60).json()["callbacks"]
        return found


@contextmanager
def running(folder: Path, *arguments: str, ends_with: signal.Signals) -> Iterator[Client]:
    state = folder / "state"
    (state / "endpoints.json").unlink(missing_ok=True)
    command = up_command(state, "--keep", "--stub-webui", "0.01", *arguments)
    environment = environment_file(folder / "local.yaml")
    up = subprocess.Popen(
        [*command, "--environment", str(environment)], cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        yield Client(read_endpoints(up, state))
        up.send_signal(ends_with)
        _, errors = up.communicate(timeout=60)
        assert up.returncode == (0 if ends_with is signal.SIGTERM else -ends_with), errors.decode()
    finally:
        up.kill()
        up.communicate()


def is_saved(folder: Path, *parts: str) -> bool:
    records = folder / "state" / "kept" / "records.jsonl"
    return records.exists() and all(part in records.read_text() for part in parts)


@pytest.mark.slow
def test_tasks_images_and_models_outlive_a_stop_and_a_kill(tmp_path: Path) -> None:
    with running(tmp_path, ends_with=signal.SIGTERM) as client:
        client.submit(FINISHED)
        eventually(lambda: client.has_ended(FINISHED), "the end of the task", READY_SECONDS)
        eventually(client.callbacks, "its callback", READY_SECONDS)
        image = httpx.get(client.task(FINISHED)["outputs"][0]["url"], timeout=60).content
        client.s3.put_object(Bucket=client.model_bucket, Key="Lora/mine.safetensors", Body=b"{}", ContentType="a/b")
        key = client.api_key

    with running(tmp_path, "--agents", "0", ends_with=signal.SIGKILL) as client:
        assert client.api_key == key
        assert httpx.get(client.task(FINISHED)["outputs"][0]["url"], timeout=60).content == image
        mine = client.s3.get_object(Bucket=client.model_bucket, Key="Lora/mine.safetensors")
        assert (mine["Body"].read(), mine["ContentType"]) == (b"{}", "a/b")
        client.submit(WAITING)
        eventually(lambda: is_saved(tmp_path, WAITING, FINISHED), "a save", READY_SECONDS)

    with running(tmp_path, ends_with=signal.SIGTERM) as client:
        assert client.has_ended(FINISHED)
        eventually(lambda: client.has_ended(WAITING), "the end of the task that waited", READY_SECONDS)
        eventually(client.callbacks, "its callback", READY_SECONDS)
        assert [callback["id"] for callback in client.callbacks()] == [WAITING], "a restored task is not called back"
