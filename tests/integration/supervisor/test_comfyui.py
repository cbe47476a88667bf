"""Container with ComfyUI, the embedded one: its start, the end of its worker, and a stop in the middle of a prompt."""

import json
import shlex
import sys
from typing import Any

import pytest

from contract.record import Record, Status
from runtime_image.process.engine_http import EngineHttp, EngineResponse
from runtime_image.process.exit_codes import ExitCode
from tests.integration.agent.comfyui import CHECKPOINT_NAME, workflow
from tests.integration.agent.harness import PROJECT
from tests.integration.supervisor.container import PATIENCE_SECONDS, Container, ContainerHarness

#: Seconds of a sampler's step, so that a long prompt runs for longer than a busy machine needs to see it.
STEP_SECONDS = 0.2
#: A node that no output needs, without its inputs: ComfyUI accepts it, and its worker ends.
POISON = {"x": {"class_type": "KSampler"}}


class ComfyUiContainer:
    """A container whose engine is the embedded ComfyUI."""

    def __init__(self, harness: ContainerHarness) -> None:
        self.harness = harness
        self.base = harness.directory / "comfyui"
        models = harness.directory / "models" / "checkpoints"
        models.mkdir(parents=True)
        (models / CHECKPOINT_NAME).touch()
        command = [
            sys.executable,
            "-m",
            "runtime_image.launcher.comfyui",
            str(PROJECT / "embedded_comfyui" / "__main__.py"),
        ]
        command += [
            "--port",
            str(harness.port),
            "--models",
            str(models.parent),
            "--base-directory",
            str(self.base),
            "--stub-seconds",
            str(STEP_SECONDS),
        ]
        self.container: Container = harness.start(
            RUNTIME_TYPE="comfyui",
            COMFYUI_URL=harness.webui_url,
            WEBUI_URL="",
            WEBUI_COMMAND=shlex.join(command),
            MODEL_FILENAME="",
            COMFYUI_MAX_BYTES="1MiB",
            **{f"COMFYUI_{name.upper()}_FOLDER": self.base / name for name in ("input", "output", "temp")},
        )

    def submit(self, task_id: str, *, steps: int = 2) -> None:
        self.harness.submit(task_id, workflow(task_id, steps=steps), tasktype="pipeline", checkpoint=None)

    def completed(self, task_id: str) -> Record:
        return self.harness.wait_for(task_id, Status.COMPLETED, PATIENCE_SECONDS)

    def send_poison(self) -> int:
        """Send a prompt that ends the worker; return the status of the answer."""
        graph: dict[str, Any] = workflow("poison") | POISON
        return self._ask("POST", "/prompt", {"prompt": graph}).status

    def is_running(self) -> bool:
        """Return True if a prompt runs."""
        return bool(json.loads(self._ask("GET", "/queue").body)["queue_running"])

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> EngineResponse:
        content = json.dumps(body).encode() if body else None
        engine = EngineHttp(base_url=self.harness.webui_url)
        return engine.exchange(method, path, content, timeout_seconds=PATIENCE_SECONDS)


@pytest.fixture
def comfyui(harness: ContainerHarness) -> ComfyUiContainer:
    return ComfyUiContainer(harness)


@pytest.mark.slow
def test_from_the_start_over_the_end_of_the_worker_to_a_stop_in_mid_prompt(comfyui: ComfyUiContainer) -> None:
    container = comfyui.container
    comfyui.submit("cat")
    comfyui.completed("cat")
    container.wait_until_ready()
    assert container.events("webui_output", process="comfyui")

    # ComfyUI itself would accept every prompt after it, and run none of them.
    assert comfyui.send_poison() == 200
    assert container.wait_for("engine_broken")["status"] == ExitCode.INTERNAL_ERROR
    comfyui.submit("dog")
    comfyui.completed("dog")
    assert container.metric('darkroom_webui_restarts_total{reason="broken"}') == 1
    assert len(container.events("child_started", child="agent")) == 1

    # SIGTERM would end ComfyUI with the prompt, so the agent comes first.
    comfyui.submit("long", steps=100)
    comfyui.harness.eventually(comfyui.is_running, "the prompt", PATIENCE_SECONDS)
    container.stop()
    assert container.exit_code() is ExitCode.STOPPED
    assert comfyui.harness.read("long").status in {Status.COMPLETED, Status.IN_QUEUE}
    assert [line["child"] for line in container.events("child_ended")][-2:] == ["agent", "comfyui"]


@pytest.mark.slow
def test_a_workflow_that_fills_the_disk_ends_with_its_comfyui(comfyui: ComfyUiContainer) -> None:
    container = comfyui.container
    container.wait_until_ready()
    comfyui.submit("full", steps=100)
    comfyui.harness.eventually(comfyui.is_running, "the prompt", PATIENCE_SECONDS)
    filling = comfyui.base / "output" / "filling.bin"
    filling.write_bytes(b"1" * 2**21)

    container.wait_for("webui_replaced", reason="disk_limit")
    filling.unlink()
    # Another machine may have the room, and here it has room now.
    assert comfyui.completed("full").attempts > 1
    assert len(container.events("child_started", child="agent")) == 1
