"""Supervisor over the embedded Web UI, as the local system runs it: a real start, real models, real generations.

The stub of the other tests simulates the faults that the embedded Web UI lacks: it swells or runs out of memory. An
end-to-end test kills the embedded Web UI in mid-generation. These tests are slow because of torch and diffusers. The
inner gate tests the same events with the stub.
"""

import os
import shlex
import signal
import sys
from pathlib import Path

import pytest

from contract.record import Status
from embedded_webui.models.kinds import TRAINED_MODELS
from runtime_image.process.clock import Clock
from runtime_image.process.exit_codes import ExitCode
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.progress import read_progress
from tests.integration.supervisor.container import Container, ContainerHarness

pytestmark = [pytest.mark.slow]

CHECKPOINT = "tiny.safetensors"
#: Seconds for a start with torch, or a generation, on a busy machine.
PATIENCE_SECONDS = 120.0
#: Work for the tiny model that lasts longer than the grace period, on any machine.
SLOW = {"prompt": "A dog", "steps": 150, "n_iter": 8, "width": 512, "height": 512}


def start(harness: ContainerHarness, models: Path, **changes: object) -> Container:
    """Start a container whose embedded Web UI reads this models folder."""
    command = [sys.executable, "-m", "embedded_webui", "--lazy", "--threads", "1"]
    command += ["--port", str(harness.port), "--models-folder", str(models)]
    variables = {"WEBUI_COMMAND": shlex.join(command), "MODELS_DIRECTORY": models, "MODEL_FILENAME": CHECKPOINT}
    return harness.start(**(variables | changes))


def wait_for_steps(harness: ContainerHarness, task_id: str) -> None:
    """Wait until the Web UI is in the middle of the task's generation."""
    harness.wait_for(task_id, Status.IN_PROGRESS, PATIENCE_SECONDS)

    def stepping() -> bool:
        try:
            progress = read_progress(WebUiClient(base_url=harness.webui_url), Clock())
        except WebUiFailed:
            return False
        return progress.busy and progress.has_stepped

    harness.eventually(stepping, "a step", PATIENCE_SECONDS)


def test_from_the_start_over_a_task_to_a_stop_in_mid_generation(harness: ContainerHarness, tmp_path: Path) -> None:
    trained = TRAINED_MODELS / "Stable-diffusion" / "shapes.safetensors"
    harness.s3.upload_file(str(trained), harness.model_bucket, f"Stable-diffusion/{CHECKPOINT}")
    container = start(harness, tmp_path / "models", MODEL_BUCKET=harness.model_bucket, GRACE_PERIOD_SECONDS=6)
    harness.submit("done", {"prompt": "A dog", "steps": 2, "width": 64, "height": 64}, checkpoint=CHECKPOINT)
    harness.wait_for("done", Status.COMPLETED, PATIENCE_SECONDS)
    harness.submit("interrupted", SLOW, checkpoint=CHECKPOINT)
    wait_for_steps(harness, "interrupted")

    container.stop()

    assert container.exit_code() is ExitCode.STOPPED
    assert harness.read("interrupted").status is Status.IN_QUEUE
    assert container.events("models_fetched", bytes_fetched=trained.stat().st_size)


def test_without_its_checkpoint(harness: ContainerHarness, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()

    container = start(harness, tmp_path / "models")

    assert container.exit_code() is ExitCode.MODEL_MISSING
    assert CHECKPOINT in container.events("checkpoint_missing")[0]["reason"]


def test_hanging_at_its_start(harness: ContainerHarness, tmp_path: Path) -> None:
    container = start(harness, tmp_path / "models", START_DEADLINE_SECONDS=4, GRACE_PERIOD_SECONDS=2)

    os.kill(container.wait_for("child_started", child="webui")["pid"], signal.SIGSTOP)

    assert container.exit_code() is ExitCode.START_DEADLINE_PASSED
    assert container.events("start_deadline_passed", waiting_for="webui")
    assert container.events("child_killed", child="webui")


def test_killed_as_often_as_it_starts(harness: ContainerHarness, tmp_path: Path) -> None:
    container = start(harness, tmp_path / "models", WEBUI_RESTARTS=2)

    for count in (1, 2, 3):
        os.kill(container.wait_for("child_started", count, child="webui")["pid"], signal.SIGKILL)

    assert container.exit_code() is ExitCode.WEBUI_UNHEALTHY
    assert len(container.events("child_ended", child="webui")) == 3


def test_without_room_for_its_checkpoint(harness: ContainerHarness, tmp_path: Path) -> None:
    harness.s3.put_object(Bucket=harness.model_bucket, Key=f"Stable-diffusion/{CHECKPOINT}", Body=bytes(4096))

    container = start(harness, tmp_path / "models", MODEL_BUCKET=harness.model_bucket, MODELS_MAX_BYTES="1KiB")

    assert container.exit_code() is ExitCode.DISK_FULL


def test_stopped_while_it_starts(harness: ContainerHarness, tmp_path: Path) -> None:
    container = start(harness, tmp_path / "models")
    container.wait_for("child_started", child="webui")

    container.stop()

    assert container.exit_code() is ExitCode.STOPPED
