"""`python -m runtime_image.model_downloader`: what a runtime needs from the start, and the exit codes."""

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runtime_image.process.exit_codes import ExitCode
from tests.integration.model_downloader.conftest import CHECKPOINT, PROJECT, ModelWorld
from tests.integration.model_downloader.fault_proxy import cut, refuse, spoil

CONTENT = bytes(range(256)) * 4096


def test_a_runtime_gets_its_checkpoint_with_companions_and_what_tasks_cannot_name(
    world: ModelWorld, tmp_path: Path
) -> None:
    wanted = [CHECKPOINT, "Stable-diffusion/base.yaml", "VAE/base.vae.pt", "embeddings/bad.pt", "ESRGAN/x4.pth"]
    for key in [*wanted, "Stable-diffusion/other.safetensors", "Lora/style.safetensors", "VAE/kl.safetensors"]:
        world.put(key, key.encode())
    world.put("README.md", b"not a model")
    world.put("embeddings/../../outside", b"out")
    world.put("Lora/", b"")
    # A file and a folder of one name, which a bucket can hold and a disk cannot.
    world.put("embeddings", b"a file")
    world.put("ESRGAN/x4.pth/", b"")
    world.put("embeddings/set", b"a file")
    world.put("embeddings/set/one.pt", b"embeddings/set/one.pt")
    wanted.append("embeddings/set/one.pt")
    state_file = tmp_path / "state.json"
    code, events = world.run(MODEL_FILENAME="base.safetensors", MODELS_STATE_FILE=str(state_file))
    assert code == ExitCode.STOPPED
    fetched = {str(path.relative_to(world.directory)) for path in world.directory.rglob("[!.]*") if path.is_file()}
    assert fetched == set(wanted)
    assert all(world.content(key) == key.encode() for key in wanted)
    assert not (tmp_path / "outside").exists()
    by_event = {event["event"]: event for event in events}
    refused = [event["reason"] for event in events if event["event"] == "model_key_refused"]
    assert by_event["models_fetched"]["bytes"] == sum(map(len, wanted))
    assert sorted(reason.partition(" ")[0] for reason in refused) == ["'embeddings/../../outside'", "'embeddings/set'"]
    state = json.loads(state_file.read_text())
    assert (state["state"], state["files_done"], state["bytes_done"]) == ("done", len(wanted), sum(map(len, wanted)))


def test_a_killed_download_goes_on_and_shows_no_half_file(world: ModelWorld) -> None:
    content = CONTENT * 20
    world.put(CHECKPOINT, content)
    world.proxy.meddle = lambda request, answer: replace(answer, delay_seconds=0.004)
    process = world.start(MODEL_FILENAME="base.safetensors")
    while world.proxy.bytes_sent() < len(content) // 2:
        assert process.poll() is None
    process.kill()
    process.communicate()
    assert world.content() is None
    world.proxy.meddle = lambda request, answer: answer
    world.proxy.passed.clear()
    code, _ = world.run(MODEL_FILENAME="base.safetensors")
    assert code == ExitCode.STOPPED
    assert world.content() == content
    assert 0 < world.proxy.bytes_sent() < len(content) * 3 // 4


def test_without_a_bucket_nothing_is_fetched(world: ModelWorld) -> None:
    assert world.run(MODEL_BUCKET="")[0] == ExitCode.STOPPED


def test_wrong_settings_are_told(world: ModelWorld) -> None:
    code, events = world.run(MODELS_MAX_BYTES="plenty")
    assert code == ExitCode.INVALID_SETTINGS
    assert "MODELS_MAX_BYTES" in events[-1]["reason"]


def test_a_missing_checkpoint_is_told(world: ModelWorld) -> None:
    code, events = world.run(MODEL_FILENAME="base.safetensors")
    assert code == ExitCode.MODEL_MISSING
    assert CHECKPOINT in events[-1]["reason"]


@pytest.mark.parametrize("trouble", ["refused", "spoiled", "no bucket"])
def test_a_failed_download_is_told(world: ModelWorld, trouble: str) -> None:
    world.put(CHECKPOINT, CONTENT)
    world.proxy.meddle = lambda _, answer: spoil(answer) if trouble == "spoiled" else refuse(403, "AccessDenied")
    variables = {"MODEL_BUCKET": "not-there"} if trouble == "no bucket" else {}
    code, events = world.run(MODEL_FILENAME="base.safetensors", **variables)
    assert code == ExitCode.DOWNLOAD_FAILED
    assert events[-1]["code"] == "download_failed"
    assert world.content() is None


def test_too_little_room_is_told(world: ModelWorld) -> None:
    world.put(CHECKPOINT, CONTENT)
    code, events = world.run(MODEL_FILENAME="base.safetensors", MODELS_MAX_BYTES="0.5MiB")
    assert code == ExitCode.DISK_FULL
    assert "MODELS_MAX_BYTES (0 MiB)" in events[-1]["reason"] or "1 MiB" in events[-1]["reason"]


def test_a_disk_that_takes_no_more_is_told(world: ModelWorld) -> None:
    world.put(CHECKPOINT, CONTENT)
    program = (
        "import resource, runpy, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (500000, {resource.RLIM_INFINITY}));"
        "runpy.run_module('runtime_image.model_downloader', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=world.environment(MODEL_FILENAME="base.safetensors"),
        cwd=PROJECT,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == ExitCode.DISK_FULL, done.stdout
    assert world.content() is None


def test_a_connection_that_is_cut_now_and_then_does_no_harm(world: ModelWorld) -> None:
    world.put(CHECKPOINT, CONTENT)
    cuts = iter((100, 50_000))
    world.proxy.meddle = lambda _, answer: cut(answer, after) if (after := next(cuts, None)) else answer
    assert world.run(MODEL_FILENAME="base.safetensors")[0] == ExitCode.STOPPED
    assert world.content() == CONTENT
