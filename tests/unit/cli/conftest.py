"""A small HTTP API that answers as documented, for the commands to talk to."""

import json
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.harness.serving import QuietHandler, serving

KEY = "the-key"
PNG = b"\x89PNG\r\n\x1a\nnot much of a picture"


class FakeApi:
    """Holds tasks; each read moves a task one state on."""

    def __init__(self) -> None:
        self.url = ""
        self.states: dict[str, list[str]] = {}
        self.submitted: list[tuple[str, dict[str, Any]]] = []
        self.queries: list[str] = []
        self.keys: set[str] = set()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        path, _, query = path.partition("?")
        if method == "POST" and path in {"/v1alpha2", "/v1alpha1"}:
            return self.submit(path, json.loads(body))
        if path == "/v1alpha2/tasks":
            self.queries.append(query)
            return 200, {"tasks": [self.task(task_id) for task_id in self.states], "next": "more"}
        task_id = path.removeprefix("/v1alpha2/tasks/")
        if task_id not in self.states:
            return 404, {"error": {"code": "task_not_found", "message": f"there is no task {task_id!r}"}}
        if method == "DELETE":
            self.states[task_id] = ["CANCELLED"]
        elif len(self.states[task_id]) > 1:
            self.states[task_id].pop(0)
        return 200, self.task(task_id)

    def submit(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.submitted.append((path, body))
        metadata = body["task"]["metadata"] if "task" in body else {"id": body["alwayson_scripts"]["id_task"]}
        if metadata["id"] == "broken":
            details = [
                {"field": "task.metadata.id", "message": "no"},
                {"field": "task.content.width", "message": "is 9"},
            ]
            return 400, {"error": {"code": "invalid_task", "message": "no; is 9", "details": details}}
        if metadata["id"] == "outage":
            return 503, {"error": {"code": "unavailable", "message": "AWS is away"}}
        self.states.setdefault(metadata["id"], ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"])
        return 200, {"id_task": metadata["id"], "runtime": "sdruntime", "output_location": "s3://b/output/x"}

    def task(self, task_id: str) -> dict[str, Any]:
        status = self.states[task_id][0]
        outputs = [
            {"s3_url": f"s3://b/output/{task_id}/{task_id}-1a2b-1.png", "url": f"{self.url}/{task_id}-1a2b-1.png?X=1"}
        ]
        return {
            "id": task_id,
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "status": status,
            "progress": 1 if status == "COMPLETED" else 0.25,
            "submitted_at": "2026-11-20T10:00:00Z",
            "outputs": outputs if status == "COMPLETED" else [],
            "error": {"code": "webui_refused", "message": "the Web UI said no"} if status == "FAILED" else None,
        }


@pytest.fixture
def api() -> Iterator[FakeApi]:
    fake = FakeApi()

    class Handler(QuietHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if ".png" in self.path:
                # A presigned link is another server's: our key must not travel there.
                status, answer = (200, PNG) if "x-api-key" not in self.headers else (400, b"")
            elif self.headers.get("x-api-key") != KEY:
                status, answer = 401, b'{"error": {"code": "unauthorized", "message": "wrong key"}}'
            else:
                status, value = fake.answer(self.command, self.path, body)
                answer = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_DELETE = handle_any

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        yield fake


@pytest.fixture
def state_directory(tmp_path: Path, api: FakeApi) -> Path:
    write_endpoints(tmp_path, api.url)
    return tmp_path


def write_endpoints(directory: Path, url: str, key: str = KEY) -> None:
    endpoints = {
        "http_url": url,
        "api_key": key,
        "entry_topic_arn": "arn:aws:sns:us-east-1:123456789012:entry",
        "model_bucket": "models",
        "region": "us-east-1",
        "aws_endpoint_url": "http://127.0.0.1:1",
    }
    (directory / "endpoints.json").write_text(json.dumps(endpoints))
