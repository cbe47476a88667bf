"""Embedded ComfyUIs with the stub engine as processes, and a client of each."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from PIL import Image
from websockets.sync.client import ClientConnection, connect

from tests.harness.eventually import eventually

DEADLINE_SECONDS: Final = 240.0


@dataclass
class RunningComfyUi:
    """A process with its base directory, and what a client does."""

    process: "subprocess.Popen[str]"
    base: Path
    http: httpx.Client

    def submit(self, prompt: object, **fields: Any) -> str:
        """Send a prompt that is accepted, and return its id."""
        answer = self.http.post("/prompt", json={"prompt": prompt, **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["prompt_id"])

    def finished(self, prompt_id: str) -> dict[str, Any]:
        """Return the entry of a prompt in the history, when it is there."""

        def poll() -> dict[str, Any] | None:
            entry: dict[str, Any] | None = self.http.get(f"/history/{prompt_id}").json().get(prompt_id)
            return entry

        return eventually(poll, f"the end of {prompt_id}", DEADLINE_SECONDS)

    def running(self, prompt_id: str) -> None:
        """Wait until a prompt runs."""

        def is_running() -> bool:
            return [prompt[1] for prompt in self.http.get("/queue").json()["queue_running"]] == [prompt_id]

        eventually(is_running, f"the start of {prompt_id}", DEADLINE_SECONDS)

    def websocket(self, client_id: str) -> ClientConnection:
        """Return a websocket after its first message."""
        socket = connect(f"ws://{self.http.base_url.netloc.decode()}/ws?clientId={client_id}", proxy=None)
        assert json.loads(socket.recv(DEADLINE_SECONDS))["data"]["sid"] == client_id
        return socket

    def messages(self, socket: ClientConnection) -> list[tuple[str, Any]]:
        """Return the messages of a client until its prompt has ended, pictures as the number of their kind."""
        messages: list[tuple[str, Any]] = []
        while not messages or messages[-1][0] != "executing" or messages[-1][1]["node"] is not None:
            content = socket.recv(DEADLINE_SECONDS)
            if isinstance(content, bytes):
                messages.append(("binary", int.from_bytes(content[:4], "big")))
            else:
                message = json.loads(content)
                messages.append((message["type"], message["data"]))
        return messages


Start = Callable[..., RunningComfyUi]


@pytest.fixture(scope="session")
def start_comfyui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start processes, each in a separate folder; all end with the tests."""
    started: list[RunningComfyUi] = []

    def start(*arguments: str) -> RunningComfyUi:
        base = tmp_path_factory.mktemp("comfyui")
        checkpoint = base / "models" / "checkpoints" / "tiny.safetensors"
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        command = [sys.executable, "-m", "embedded_comfyui", "--port", "0", "--base-directory", str(base)]
        command += ["--models", str(base / "models"), *arguments]
        with (base / "errors").open("w") as errors:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout
        port = json.loads(process.stdout.readline())["port"]
        http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE_SECONDS, trust_env=False)
        started.append(RunningComfyUi(process, base, http))
        return started[-1]

    yield start
    for comfyui in started:
        comfyui.http.close()
        comfyui.process.kill()
        comfyui.process.wait()
        assert comfyui.process.stdout
        comfyui.process.stdout.close()


@pytest.fixture(scope="session")
def comfyui(start_comfyui: Start) -> RunningComfyUi:
    """The process of nearly all tests, with a picture among its inputs."""
    running = start_comfyui("--stub-seconds", "0.02")
    picture = BytesIO()
    Image.new("RGB", (64, 64), "navy").save(picture, "PNG")
    running.http.post("/upload/image", files={"image": ("photo.png", picture.getvalue(), "image/png")})
    return running
