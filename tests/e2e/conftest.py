"""One local system for all end-to-end tests: started as a user starts it, talked to over its public interfaces."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx
import pytest
import yaml

from local.demo.input_server import serve_picture
from local.demo.pictures import input_picture
from tests.eventually import eventually as eventually_within
from tests.https_receiver import HttpsReceiver, https_receiver

PROJECT = Path(__file__).parents[2]
T = TypeVar("T")
LINK_BUCKET = "darkroom-e2e-pictures"
READY_SECONDS = 90.0
STOP_SECONDS = 30.0


def eventually(look: Callable[[], T | None], what: str, seconds: float = 60.0) -> T:
    """Return what `look` finds, looking until the deadline."""
    return eventually_within(look, what, seconds)


@dataclass
class System:
    """The running system with clients for all its public interfaces."""

    endpoints: dict[str, Any]
    state_directory: Path
    http_link: str
    s3_link: str
    receiver: HttpsReceiver

    eventually = staticmethod(eventually)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs know literal names only
            endpoint_url=self.endpoints["aws_endpoint_url"],
            region_name=self.endpoints["region"],
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def http(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"x-api-key": self.endpoints["api_key"]} | options.pop("headers", {})
        return httpx.request(
            method, self.endpoints["http_url"].rstrip("/") + path, headers=headers, timeout=35, **options
        )

    def publish(self, message: str | dict[str, Any], **attributes: str) -> str:
        text = message if isinstance(message, str) else json.dumps(message)
        values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        sns = self.client("sns")
        answer = sns.publish(TopicArn=self.endpoints["entry_topic_arn"], Message=text, MessageAttributes=values)
        return str(answer["MessageId"])

    def task(self, task_id: str) -> dict[str, Any] | None:
        response = self.http("GET", f"/v1alpha2/tasks/{task_id}")
        return response.json() if response.status_code == 200 else None

    def callbacks(self) -> list[dict[str, Any]]:
        path = self.state_directory / "callbacks.jsonl"
        lines = path.read_bytes().rpartition(b"\n")[0].splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def callback(self, *, seconds: float = 60.0, **fields: Any) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            matching = [item for item in self.callbacks() if fields.items() <= item.items()]
            return matching[0] if matching else None

        return eventually(look, f"a callback with {fields}", seconds)

    def object(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body


def environment_file(path: Path, *link_hosts: str, **changes: Any) -> Path:
    environment = yaml.safe_load((PROJECT / "environments" / "local.yaml").read_text())
    environment |= {"allowedLinkHosts": list(link_hosts), "linkBuckets": [LINK_BUCKET]} | changes
    path.write_text(yaml.safe_dump(environment))
    return path


@dataclass
class Up:
    """A `python -m local up` that is ready."""

    process: subprocess.Popen[bytes]
    endpoints: dict[str, Any]


def start(state_directory: Path, *arguments: str) -> Up:
    command = [sys.executable, "-m", "local", "up", "--state-dir", str(state_directory), *arguments]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, env=dict(os.environ))
    path = state_directory / "endpoints.json"

    def ready() -> bool:
        assert process.poll() is None, f"the local system ended with {process.returncode}"
        return path.exists()

    eventually(ready, "the start of the local system", READY_SECONDS)
    return Up(process, json.loads(path.read_text()))


def stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    finally:
        process.kill()
        process.wait()


@contextmanager
def running(folder: Path, *arguments: str, **changes: Any) -> Iterator[System]:
    """Run a local system in `folder` whose environment is the local one with `changes`."""
    png = input_picture()
    with serve_picture(png) as link_host, https_receiver(folder) as receiver:
        state = folder / "state"
        hook_host = f"127.0.0.1:{receiver.server_port}"
        environment = environment_file(folder / "local.yaml", link_host, hook_host, **changes)
        authorities = str(receiver.authorities)
        up = start(state, "--environment", str(environment), "--ca-file", authorities, *arguments)
        try:
            links = f"http://{link_host}/cat.png", f"s3://{LINK_BUCKET}/cat.png"
            system = System(up.endpoints, state, *links, receiver)
            s3 = system.client("s3")
            s3.create_bucket(Bucket=LINK_BUCKET)
            s3.put_object(Bucket=LINK_BUCKET, Key="cat.png", Body=png)
            yield system
        finally:
            exit_code = stop(up.process)
        assert exit_code == 0


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(tmp_path_factory.mktemp("system")) as started:
        yield started


@pytest.fixture
def start_system(tmp_path: Path) -> Iterator[Callable[..., System]]:
    with ExitStack() as stack:
        yield lambda *arguments, **changes: stack.enter_context(running(tmp_path, *arguments, **changes))
