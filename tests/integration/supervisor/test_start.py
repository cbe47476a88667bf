"""Starts of a container, successful and failed."""

import json
import shlex
import socket
import sys
from pathlib import Path

import pytest

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from tests.integration.agent.harness import CHECKPOINT
from tests.integration.supervisor.container import PATIENCE_SECONDS, ContainerHarness, variables_of


def test_from_the_start_over_a_task_to_the_end(harness: ContainerHarness, tmp_path: Path) -> None:
    models = tmp_path / "models"
    container = harness.start(
        MODEL_BUCKET=harness.model_bucket, MODELS_DIRECTORY=models, MODELS_MAX_BYTES="1MiB", WARM_UP="true"
    )
    assert container.get("/readyz")[0] == 503
    harness.submit("cat")

    harness.wait_for("cat", Status.COMPLETED, PATIENCE_SECONDS)
    container.wait_until_ready()

    assert harness.recorded("generations") == ["warm-up", "cat"]
    assert (models / "Stable-diffusion" / CHECKPOINT).stat().st_size == 2048
    assert container.get("/healthz") == (200, '{"alive": true}')
    assert container.get("/nowhere")[0] == 404
    harness.eventually(lambda: container.metric('darkroom_tasks_ended_total{ending="COMPLETED"}') == 1, "the count")
    assert container.metric('darkroom_checkpoint_info{checkpoint="v1-5-pruned-emaonly.safetensors"}') == 1
    assert container.metric("darkroom_webui_ready") == 1
    assert container.metric("darkroom_models_disk_free_bytes")
    assert container.metric("darkroom_tasks_held") == 0
    if sys.platform == "linux":
        variables = variables_of(harness.webui_pid())
        assert not [name for name in variables if name.startswith("AWS_") or name.endswith(("_BUCKET", "_QUEUE_URL"))]
        assert variables_of(container.agent_pid())["MALLOC_ARENA_MAX"] == "2"
    assert container.events("webui_output", process="webui", line="Loading")
    assert container.events("webui_output", line="100%|##########|")
    assert not container.events("webui_output", line=" 50%|#####     |")
    assert container.events("webui_output", cut=True)[0]["line"] == "x" * 4096
    container.stop()
    assert container.exit_code() is ExitCode.STOPPED
    assert [line["child"] for line in container.events("child_ended")] == ["models", "agent", "webui"]


def test_a_pod_without_the_credentials_of_its_role_ends_with_a_code_that_says_so(
    harness: ContainerHarness,
) -> None:
    container = harness.start(ORCHESTRATOR="kubernetes")

    assert container.exit_code() is ExitCode.CREDENTIALS_MISSING
    assert "delete the pod" in container.events("credentials_missing")[0]["reason"]


def test_a_web_ui_that_hangs_at_its_start_ends_the_container(harness: ContainerHarness) -> None:
    hangs = shlex.join(["sh", "-c", "trap '' TERM; exec sleep 600"])

    container = harness.start(WEBUI_COMMAND=hangs, START_DEADLINE_SECONDS=1, GRACE_PERIOD_SECONDS=2)

    assert container.exit_code() is ExitCode.START_DEADLINE_PASSED
    assert container.events("start_deadline_passed", waiting_for="webui")
    assert container.events("child_killed", child="webui")


def test_a_web_ui_that_ends_again_and_again_ends_the_container(harness: ContainerHarness) -> None:
    container = harness.start(WEBUI_COMMAND="false")

    assert container.exit_code() is ExitCode.WEBUI_UNHEALTHY
    assert len(container.events("child_ended", child="webui", status=1)) == 3


@pytest.mark.parametrize(
    ("checkpoint", "room", "code"),
    [
        (CHECKPOINT, "1KiB", ExitCode.DISK_FULL),
        # The supervisor passes both codes on by the same path.
        pytest.param("other.safetensors", "1MiB", ExitCode.MODEL_MISSING, marks=pytest.mark.slow),
    ],
)
def test_the_real_download_ends_the_container_if_it_fails(
    harness: ContainerHarness, tmp_path: Path, checkpoint: str, room: str, code: ExitCode
) -> None:
    container = harness.start(
        MODEL_BUCKET=harness.model_bucket,
        MODEL_FILENAME=checkpoint,
        MODELS_DIRECTORY=tmp_path / "models",
        MODELS_MAX_BYTES=room,
    )

    assert container.exit_code() is code


def test_what_the_image_brings_is_not_fetched(harness: ContainerHarness, tmp_path: Path) -> None:
    models, baked = tmp_path / "models", tmp_path / "baked"
    for name in ("Stable-diffusion/only-here.safetensors", "ControlNet/in-both.pth", "ControlNet/older.pth"):
        (baked / name).parent.mkdir(parents=True, exist_ok=True)
        (baked / name).write_bytes(bytes(100))
    harness.s3.put_object(Bucket=harness.model_bucket, Key="ControlNet/in-both.pth", Body=b"x" * 100)
    harness.s3.put_object(Bucket=harness.model_bucket, Key="ControlNet/older.pth", Body=b"x" * 101)

    container = harness.start(
        MODEL_BUCKET=harness.model_bucket,
        MODEL_FILENAME="only-here.safetensors",
        MODELS_DIRECTORY=models,
        BAKED_MODELS_DIRECTORY=baked,
    )

    fetched = container.wait_for("models_fetched")
    assert fetched["bytes_fetched"] == 101
    assert (models / "Stable-diffusion/only-here.safetensors").read_bytes() == bytes(100)
    assert (models / "ControlNet/in-both.pth").read_bytes() == bytes(100)
    assert (models / "ControlNet/older.pth").read_bytes() == b"x" * 101
    assert (baked / "ControlNet/older.pth").read_bytes() == bytes(100)


def test_a_web_ui_without_the_checkpoint_ends_the_container(harness: ContainerHarness) -> None:
    container = harness.start(MODEL_FILENAME="other.safetensors")

    assert container.exit_code() is ExitCode.MODEL_MISSING
    assert "other.safetensors" in container.events("checkpoint_missing")[0]["reason"]


def test_the_web_ui_and_the_download_start_side_by_side(harness: ContainerHarness, tmp_path: Path) -> None:
    done = tmp_path / "done"
    container = harness.start("sh", "-c", f"until test -e {done}; do sleep 0.05; done")
    harness.webui_pid()
    harness.submit("cat")
    assert json.loads(container.get("/readyz")[1]) == {"ready": False, "reason": "the models are being fetched"}

    done.touch()

    harness.wait_for("cat", Status.COMPLETED, PATIENCE_SECONDS)


def test_a_download_that_takes_too_long_ends_the_container(harness: ContainerHarness) -> None:
    container = harness.start("sleep", "60", START_DEADLINE_SECONDS=1)

    assert container.exit_code() is ExitCode.START_DEADLINE_PASSED
    assert container.events("start_deadline_passed", waiting_for="models")


def test_a_port_that_is_in_use_is_named(harness: ContainerHarness) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        container = harness.start(HEALTH_PORT=taken.getsockname()[1])
        assert container.exit_code() is ExitCode.INVALID_SETTINGS
    (line,) = container.events("settings_invalid")
    assert line["reason"].startswith("HEALTH_PORT: ")
    assert "Address already in use" in line["reason"]


@pytest.mark.parametrize("variables", [{"QUEUE_URL": ""}, {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}], ids=str)
@pytest.mark.slow
def test_an_agent_that_cannot_start_ends_the_container(
    harness: ContainerHarness, variables: dict[str, str], tmp_path: Path
) -> None:
    container = harness.start(**variables, AWS_CONFIG_FILE=tmp_path / "missing")
    assert container.exit_code() is ExitCode.INVALID_SETTINGS
    (line,) = container.events("settings_invalid")
    assert line["reason"].startswith(next(iter(variables)))
    assert not harness.recorded("generations")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_a_killed_supervisor_leaves_nothing_behind(harness: ContainerHarness) -> None:
    container = harness.start()
    container.wait_for("child_started", child="agent")

    container.process.kill()

    harness.eventually(lambda: not _still_there(container.events("child_started")), "the end of all")


def _still_there(started: list[dict[str, object]]) -> list[object]:
    return [line["pid"] for line in started if Path(f"/proc/{line['pid']}/cmdline").exists()]
