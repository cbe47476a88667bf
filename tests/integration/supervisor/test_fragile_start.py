"""Starts of a container over Web UIs that any early request ends, and whose routes appear one by one."""

import os
import shlex
import signal
import sys
from pathlib import Path

import pytest

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from tests.integration.supervisor.container import PATIENCE_SECONDS, Container, ContainerHarness

#: Starts in the whole gate, each with another seed of its pauses, in parts that run side by side.
STARTS = 100
STARTS_PER_TEST = 5


def start(harness: ContainerHarness, models: Path, *, seed: int) -> Container:
    """Start a container of a dynamic runtime on a fresh disk; the seed draws the pauses of its Web UI's start."""
    models.mkdir(exist_ok=True)
    options = ["--port", harness.port, "--models-folder", models, "--start-seed", seed]
    return harness.start(
        "true",
        WEBUI_COMMAND=shlex.join(map(str, [sys.executable, "-m", "stub_webui", *options])),
        MODELS_DIRECTORY=models,
        MODEL_FILENAME="",
        MODEL_BUCKET=harness.model_bucket,
    )


def assert_one_start(container: Container) -> None:
    """Wait until a container is ready, and assert that it needed one Web UI."""
    container.wait_until_ready()
    assert len(container.events("child_started", child="webui")) == 1
    assert not container.events("webui_unusable")
    container.stop()
    assert container.exit_code() is ExitCode.STOPPED
    assert not container.events("webui_replaced")


def test_a_dynamic_runtime_gets_ready_on_a_fresh_disk_with_its_first_web_ui(
    harness: ContainerHarness, tmp_path: Path
) -> None:
    assert_one_start(start(harness, tmp_path / "models", seed=STARTS))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("first_seed", range(0, STARTS, STARTS_PER_TEST))
def test_a_hundred_starts_are_a_hundred_ready_replicas_and_no_restart(
    harness: ContainerHarness, tmp_path: Path, first_seed: int
) -> None:
    for seed in range(first_seed, first_seed + STARTS_PER_TEST):
        assert_one_start(start(harness, tmp_path / "models", seed=seed))


@pytest.mark.parametrize("waits_for_restart", [False, True])
def test_a_task_that_meets_a_web_ui_that_died_while_idle_keeps_its_attempts(
    harness: ContainerHarness, *, waits_for_restart: bool
) -> None:
    options = ["--port", harness.port, "--faults-folder", harness.folder, "--start-seed", 19]
    command = shlex.join(map(str, [sys.executable, "-m", "stub_webui", "--models", 2, *options]))
    container = harness.start(WEBUI_COMMAND=command, MODEL_FILENAME="")
    harness.submit("first", checkpoint="model-1.safetensors")
    harness.wait_for("first", Status.COMPLETED, PATIENCE_SECONDS)

    os.kill(harness.webui_pid(), signal.SIGKILL)
    container.wait_for("webui_prepared" if waits_for_restart else "child_ended", 2 if waits_for_restart else 1)
    harness.submit("second", checkpoint="model-1.safetensors")

    assert harness.wait_for("second", Status.COMPLETED, PATIENCE_SECONDS).attempts == 1
    assert len(container.events("engine_set_up", checkpoint="model-1.safetensors")) == 2
    assert len(container.events("child_started", child="agent")) == 1
