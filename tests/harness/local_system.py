"""Local system as a process, with clients for its public interfaces."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import boto3
import httpx
import yaml

from contract.tenancy import scoped
from local.demo.input_server import serve_picture
from local.demo.pictures import input_picture
from tests.harness.api_description import check_response
from tests.harness.eventually import eventually
from tests.harness.https_receiver import HttpsReceiver, https_receiver
from tests.harness.logs import read_events, read_json_lines

T = TypeVar("T")
PROJECT: Final = Path(__file__).parents[2]
LINK_BUCKET: Final = "darkroom-e2e-pictures"
#: Synthesized templates of all test processes, by the hash of their sources.
ASSEMBLY_CACHE: Final = PROJECT / ".pytest_cache" / "assemblies"
READY_SECONDS: Final = 240.0
STOP_SECONDS: Final = 60.0
#: Seconds of a sampling step of the stub Web UI. A generation of `SLOW` lasts 18 seconds.
STUB_SECONDS_PER_STEP: Final = 0.03
SLOW: Final[dict[str, Any]] = {"prompt": "A dog", "steps": 150, "n_iter": 4, "width": 512, "height": 512}


@dataclass
class System:
    """The running system with clients for all its public interfaces."""

    endpoints: dict[str, Any]
    state_directory: Path
    http_link: str
    s3_link: str
    receiver: HttpsReceiver

    def eventually(self, poll: Callable[[], T | None], what: str, seconds: float = 120.0) -> T:
        """Return the first outcome of `poll` that is true."""
        return eventually(poll, what, seconds)

    def client(self, service: str) -> Any:
        """Return a boto3 client of the system's AWS."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs know literal names only
            endpoint_url=self.endpoints["aws_endpoint_url"],
            region_name=self.endpoints["region"],
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def table(self) -> Any:
        """Return the task table of boto3, which takes and gives plain values."""
        dynamodb = boto3.resource(
            "dynamodb",
            endpoint_url=self.endpoints["aws_endpoint_url"],
            region_name=self.endpoints["region"],
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        return dynamodb.Table(self.endpoints["task_table"])

    def api_key(self, name: str) -> str:
        """Return the value of a key of the HTTP API."""
        return self._secret(f"Key {name} of Darkroom's HTTP API")

    def webhook_secret(self, tenant: str) -> str:
        """Return the secret that signs the webhooks of a tenant other than the first key."""
        return self._secret(f"Signs the webhooks of {tenant}")

    def _secret(self, description: str) -> str:
        client = self.client("secretsmanager")
        listed = client.list_secrets(MaxResults=100)["SecretList"]
        (arn,) = [secret["ARN"] for secret in listed if secret.get("Description") == description]
        return str(client.get_secret_value(SecretId=arn)["SecretString"])

    def http(self, method: str, path: str, *, key: str = "", **options: Any) -> httpx.Response:
        """Send a request with an API key, and hold its response against the API's description."""
        headers = {"x-api-key": key or self.endpoints["api_key"]} | options.pop("headers", {})
        url = self.endpoints["http_url"].rstrip("/") + path
        response = httpx.request(method, url, headers=headers, timeout=35, **options)
        check_response(method, path, response)
        return response

    def publish(self, message: str | dict[str, Any], *, topic_arn: str = "", **attributes: str) -> str:
        """Publish a message to the entry topic, or to a publisher's own topic, and return its id."""
        text = message if isinstance(message, str) else json.dumps(message)
        values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        sns = self.client("sns")
        answer = sns.publish(
            TopicArn=topic_arn or self.endpoints["entry_topic_arn"], Message=text, MessageAttributes=values
        )
        return str(answer["MessageId"])

    def task(self, task_id: str) -> dict[str, Any] | None:
        """Return a task as the HTTP API shows it."""
        response = self.http("GET", f"/v1alpha2/tasks/{task_id}")
        return response.json() if response.status_code == 200 else None

    def shown(self, task_id: str) -> dict[str, Any]:
        """Return a task that exists."""
        task = self.task(task_id)
        assert task is not None, task_id
        return task

    def item(self, task_id: str) -> dict[str, Any]:
        """Return the item of a task of the first key in the task table."""
        key = {"id": {"S": scoped("default", task_id)}}
        item: dict[str, Any] = self.client("dynamodb").get_item(TableName=self.endpoints["task_table"], Key=key)["Item"]
        return item

    def callbacks(self) -> list[dict[str, Any]]:
        """Return all callbacks so far."""
        return read_json_lines(self.state_directory / "callbacks.jsonl")

    def callback(self, *, seconds: float = 120.0, **fields: Any) -> dict[str, Any]:
        """Return the first callback with these fields."""

        def poll() -> dict[str, Any] | None:
            matching = [item for item in self.callbacks() if fields.items() <= item.items()]
            return matching[0] if matching else None

        return eventually(poll, f"a callback with {fields}", seconds)

    def object(self, uri: str) -> bytes:
        """Return the content of an `s3://` URI."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def webui_progress(self, runtime: str) -> dict[str, Any] | None:
        """Return the progress of a runtime's Web UI if it is generating."""
        url = self.endpoints["runtimes"][runtime]["engine_url"] + "/sdapi/v1/progress"
        answer: dict[str, Any] = httpx.get(url, timeout=60).json()
        state = answer["state"]
        return answer if state["sampling_step"] > 0 and state["job_count"] > 0 else None

    def container_events(self, runtime: str, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Return the log lines of a runtime's container with this event and these fields."""
        log = self.state_directory / "logs" / f"container-{runtime}-1.log"
        return read_events(log, event, **fields)


def environment_file(path: Path, *link_hosts: str) -> Path:
    """Write the environment of all tests, the local one with link places. One synthesis serves them all."""
    environment = yaml.safe_load((PROJECT / "environments" / "local.yaml").read_text())
    environment |= {"allowedLinkHosts": list(link_hosts), "linkBuckets": [LINK_BUCKET]}
    environment["outputDestinations"] = [{"place": f"{LINK_BUCKET}/copies"}]
    environment["apiKeys"] = [{"name": "default"}, {"name": "guest"}, {"name": "boss", "admin": True}]
    environment["publishers"] = [{"name": "batch", "principal": "123456789012"}]
    # A killed agent's task is visible again after this time.
    environment["runtimes"][1]["visibilityTimeoutSeconds"] = 10
    path.write_text(yaml.safe_dump(environment))
    return path


def up_command(state_directory: Path, *arguments: str) -> list[str]:
    """Return the command that starts a local system."""
    command = [sys.executable, "-m", "local", "up", "--port", "0", "--state-dir", str(state_directory)]
    return [*command, "--assembly-cache", str(ASSEMBLY_CACHE), *arguments]


@contextmanager
def running_system(folder: Path, *arguments: str) -> Iterator[System]:
    """Run a local system in `folder`; it must stop with exit code 0."""
    png = input_picture()
    with serve_picture(png) as link_host, https_receiver(folder) as receiver:
        state = folder / "state"
        environment = environment_file(folder / "local.yaml", link_host, f"127.0.0.1:{receiver.server_port}")
        command = up_command(state, "--environment", str(environment), "--ca-file", str(receiver.authorities))
        process = subprocess.Popen([*command, *arguments], cwd=PROJECT, stdout=subprocess.DEVNULL, env=dict(os.environ))
        try:
            endpoints = read_endpoints(process, state)
            system = System(endpoints, state, f"http://{link_host}/cat.png", f"s3://{LINK_BUCKET}/cat.png", receiver)
            s3 = system.client("s3")
            s3.create_bucket(Bucket=LINK_BUCKET)
            s3.put_object(Bucket=LINK_BUCKET, Key="cat.png", Body=png)
            yield system
        finally:
            exit_code = _stop(process)
        assert exit_code == 0


def read_endpoints(process: "subprocess.Popen[Any]", state_directory: Path) -> dict[str, Any]:
    """Return the content of `endpoints.json` when the system is ready."""
    path = state_directory / "endpoints.json"

    def is_ready() -> bool:
        assert process.poll() is None, f"the local system ended with {process.returncode}"
        return path.exists()

    eventually(is_ready, "the start of the local system", READY_SECONDS)
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def _stop(process: "subprocess.Popen[Any]") -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS)
    finally:
        process.kill()
        process.wait()
