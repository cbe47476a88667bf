"""Call of a workflow at a ComfyUI whose answers fail at one moment of a prompt."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from contract.pipeline.node_list import core_nodes
from contract.pipeline.node_rules import NodeRules
from contract.routing import Limits
from runtime_image.comfyui import call as call_module
from runtime_image.comfyui.call import ComfyUiCall
from runtime_image.comfyui.client import ComfyUiClient
from runtime_image.comfyui.engine import ComfyUiEngine
from runtime_image.comfyui.errors import ComfyUiEnded, ComfyUiFailed, ComfyUiNotReached, WorkflowRefused
from runtime_image.comfyui.folders import ComfyUiFolders
from runtime_image.comfyui.message_feed import MessageFeed
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from tests.harness.serving import QuietHandler, serving

GRAPH: dict[str, Any] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "x"}},
}
SECONDS = 60.0
MAX_BYTES = 1024**2
#: Returns status and body of the answer to a method and path, with the id of the prompt.
Respond = Callable[[str, str, str], tuple[int, object]]


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """No message comes, so each question would wait for a second."""
    monkeypatch.setattr(call_module, "POLL_SECONDS", 0.01)


@contextmanager
def call_at(answer: Respond, tmp_path: Path) -> Iterator[tuple[ComfyUiCall, list[str]]]:
    """Yield a call at a ComfyUI with these answers, and the requests that it gets after the prompt."""
    asked: list[str] = []
    prompts: list[str] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/prompt":
                prompts.append(body["prompt_id"])
            self._answer("POST")

        def _answer(self, method: str) -> None:
            asked.append(f"{method} {self.path}".replace(prompts[0], "ID"))
            status, body = answer(method, self.path.replace(prompts[0], "ID"), prompts[0])
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        clock, log = Clock(), EventLog(logging.getLogger("test"))
        engine = ComfyUiEngine(
            client=ComfyUiClient(base_url=url),
            feed=MessageFeed(base_url=url, clock=clock, log=log),
            folders=ComfyUiFolders(
                input=tmp_path / "input", output=tmp_path / "output", temp=tmp_path / "temp", max_bytes=MAX_BYTES
            ),
            nodes=core_nodes(),
            rules=NodeRules(),
            limits=Limits(),
            models_folder=tmp_path / "models",
            ready_file=None,
            clock=clock,
            log=log,
        )
        yield ComfyUiCall(engine, graph=GRAPH, original=GRAPH, folder="a-1", models=(), extra_data={}), asked


def accepted(prompt_id: str) -> dict[str, object]:
    return {"prompt_id": prompt_id, "number": 1, "node_errors": {}}


def test_a_finished_workflow_counts_even_if_its_entry_cannot_be_deleted(tmp_path: Path) -> None:
    """It would otherwise be carried out a second time."""
    entry = {"outputs": {}, "status": {"status_str": "success", "messages": []}}

    def answer(method: str, path: str, prompt_id: str) -> tuple[int, object]:
        match (method, path):
            case ("POST", "/prompt"):
                return 200, accepted(prompt_id)
            case ("GET", _):
                return 200, {prompt_id: entry}
        raise ConnectionError

    with call_at(answer, tmp_path) as (call, asked):
        assert call.run(timeout_seconds=SECONDS) == entry
    assert asked == ["POST /prompt", "GET /history/ID", "POST /history"]


def test_a_prompt_of_an_unknown_state_is_cancelled(tmp_path: Path) -> None:
    """The next attempt would otherwise wait behind it."""

    def answer(method: str, path: str, prompt_id: str) -> tuple[int, object]:
        if path == "/prompt":
            return 200, accepted(prompt_id)
        return (500, {}) if method == "GET" else (200, {"cancelled": True})

    with call_at(answer, tmp_path) as (call, asked), pytest.raises(ComfyUiFailed, match="answered 500"):
        call.run(timeout_seconds=SECONDS)
    assert asked == ["POST /prompt", "GET /history/ID", "POST /api/jobs/ID/cancel"]


def test_a_workflow_that_is_accepted_in_part_is_cancelled_and_refused(tmp_path: Path) -> None:
    mistake = {"class_type": "SaveImage", "errors": [{"message": "no input", "details": "images"}]}

    def answer(_: str, path: str, prompt_id: str) -> tuple[int, object]:
        if path == "/prompt":
            return 200, accepted(prompt_id) | {"node_errors": {"9": mistake}}
        return 200, {prompt_id: {"outputs": {}, "status": {"status_str": "success", "messages": []}}}

    with call_at(answer, tmp_path) as (call, asked), pytest.raises(WorkflowRefused, match="no input"):
        call.run(timeout_seconds=SECONDS)
    assert asked[:2] == ["POST /prompt", "POST /api/jobs/ID/cancel"]


def test_a_prompt_that_is_gone_before_its_start_is_named_once(tmp_path: Path) -> None:
    def answer(_: str, path: str, prompt_id: str) -> tuple[int, object]:
        return 200, accepted(prompt_id) if path == "/prompt" else {"queue_running": [], "queue_pending": []}

    with call_at(answer, tmp_path) as (call, _), pytest.raises(ComfyUiNotReached) as lost:
        call.run(timeout_seconds=SECONDS)
    assert lost.value.message == "ComfyUI ended before it began with the workflow: it no longer knows the workflow"


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        (MAX_BYTES // 2, "it no longer knows the workflow"),
        (2 * MAX_BYTES, "its files took more than 1048576 bytes of the disk"),
    ],
)
def test_the_end_of_comfyui_names_a_workflow_that_filled_its_folders(tmp_path: Path, size: int, reason: str) -> None:
    """The supervisor ends ComfyUI, which says nothing then."""
    written = tmp_path / "output" / "a-1" / "x.png"

    def answer(_: str, path: str, prompt_id: str) -> tuple[int, object]:
        if path == "/prompt":
            return 200, accepted(prompt_id)
        if path != "/queue":
            return 200, {}
        running = [] if written.exists() else [[0, prompt_id]]
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_bytes(b"1" * size)
        return 200, {"queue_running": running, "queue_pending": []}

    with call_at(answer, tmp_path) as (call, _), pytest.raises(ComfyUiEnded) as lost:
        call.run(timeout_seconds=SECONDS)
    assert lost.value.message == f"ComfyUI ended while it carried out the workflow: {reason}"
