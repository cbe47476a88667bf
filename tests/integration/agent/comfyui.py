"""Harness of an agent with ComfyUI: the embedded one as a process, with the recorded behaviour and its traps."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from contract.record import Record, Status
from runtime_image.process.engine_http import EngineHttp
from stub_webui.journal import GenerationStep, count_steps, read_journal
from tests.harness.eventually import eventually
from tests.harness.workflows import documented_workflow
from tests.integration.agent.harness import PROJECT, Harness

#: Node ids of the documented workflow.
SAMPLER, CHECKPOINT, LATENT, PROMPT, SAVE = "3", "4", "5", "6", "9"
CHECKPOINT_NAME: Final = "sd_xl_turbo_1.0.safetensors"
#: Seconds that a busy machine needs to start a process.
PATIENCE_SECONDS: Final = 60.0


def workflow(prompt: str, *, steps: int = 2, **inputs: Any) -> dict[str, Any]:
    """Return the documented workflow with another prompt and few steps; `inputs` are the sampler's."""
    graph = documented_workflow()
    graph[SAMPLER]["inputs"] |= {"steps": steps} | inputs
    graph[PROMPT]["inputs"]["text"] = prompt
    graph[LATENT]["inputs"] |= {"width": 64, "height": 64}
    return graph


@dataclass
class ComfyUi:
    """An embedded ComfyUI, which can be killed and started again at the same port."""

    directory: Path
    options: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self.journal = self.directory / "journal.jsonl"
        checkpoint = self.directory / "models" / "checkpoints" / CHECKPOINT_NAME
        checkpoint.parent.mkdir(parents=True)
        checkpoint.touch()
        self.journal.touch()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def folder(self, name: str) -> Path:
        """Return the folder `input`, `output` or `temp`."""
        return self.directory / name

    def start(self) -> None:
        log_file = self.directory / "comfyui.log"
        with log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "embedded_comfyui", "--port", str(self.port)),
                    *("--models", str(self.directory / "models"), "--base-directory", str(self.directory)),
                    *("--journal", str(self.journal), *self.options),
                ],
                cwd=PROJECT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

        def listening() -> int | None:
            assert self.process.poll() is None, log_file.read_text()
            lines = [line for line in log_file.read_text().splitlines() if '"listening"' in line]
            return int(json.loads(lines[0])["port"]) if lines else None

        self.port = eventually(listening, "ComfyUI listening", PATIENCE_SECONDS)

    def kill(self) -> None:
        """End the process at once, as SIGTERM does."""
        self.process.terminate()
        self.process.wait()

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        method = "GET" if body is None else "POST"
        text = EngineHttp(base_url=self.url).exchange(method, path, content, timeout_seconds=PATIENCE_SECONDS)[1]
        return json.loads(text) if text else None

    def count(self, step: GenerationStep) -> int:
        """Return how many prompts have reached a step."""
        return count_steps(self.journal, step)

    def prompts(self) -> list[str]:
        """Return the ids of all prompts in the order of their arrival."""
        return [generation.prompt for generation in read_journal(self.journal)]

    def is_running(self) -> bool:
        """Return True if a prompt runs."""
        return bool(self.ask("/queue")["queue_running"])

    def files(self) -> list[Path]:
        """Return the files that tasks have left."""
        return [path for name in ("input", "output") for path in self.folder(name).rglob("*") if path.is_file()]


@contextmanager
def serve_comfyui(directory: Path, *options: str) -> Iterator[ComfyUi]:
    """Serve a ComfyUI with these options."""
    comfyui = ComfyUi(directory, list(options))
    try:
        yield comfyui
    finally:
        comfyui.process.kill()
        comfyui.process.wait()


@dataclass
class ComfyUiHarness(Harness):
    """Everything around an agent whose engine is a ComfyUI."""

    comfyui: ComfyUi = field(kw_only=True)

    def environment(self, **changes: object) -> dict[str, str]:
        comfyui: dict[str, object] = {
            "RUNTIME_TYPE": "comfyui",
            "COMFYUI_URL": self.comfyui.url,
            "LIMITS": json.dumps({"steps": 10_000, "width": 16_384, "height": 16_384, "batchSize": 64}),
            **{f"COMFYUI_{name.upper()}_FOLDER": self.comfyui.folder(name) for name in ("input", "output", "temp")},
        }
        return super().environment(**comfyui | changes)

    def submit_workflow(self, task_id: str, graph: dict[str, Any] | None = None, **metadata: Any) -> None:
        """Record a pipeline task and put its message into the queue."""
        content = workflow(task_id) if graph is None else graph
        self.submit(task_id, content, tasktype="pipeline", checkpoint=None, **metadata)

    def failed(self, task_id: str) -> dict[str, Any]:
        """Return the error of a task once it has failed."""
        error = self.wait_for(task_id, Status.FAILED, PATIENCE_SECONDS).error
        assert error is not None
        return error

    def completed(self, task_id: str) -> Record:
        """Return the record of a task once it is completed."""
        return self.wait_for(task_id, Status.COMPLETED, PATIENCE_SECONDS)

    def response(self, record: Record) -> dict[str, Any]:
        """Return the `.out` of a completed task."""
        key = str(record.output_url).partition(f"s3://{self.output_bucket}/")[2]
        response: dict[str, Any] = json.loads(self.outputs()[key])
        return response
