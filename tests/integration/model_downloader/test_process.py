"""`python -m runtime_image.model_downloader`: files that a runtime needs from the start, exit codes, and a kill."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from runtime_image.process.exit_codes import ExitCode
from tests.integration.model_downloader.fault_proxy import corrupt, refuse
from tests.integration.model_downloader.harness import CHECKPOINT, PART_BYTES, DownloaderHarness

CONTENT = bytes(range(256)) * (12 * PART_BYTES // 256)


def test_a_runtime_gets_its_checkpoint_with_companions_and_what_tasks_cannot_name(
    harness: DownloaderHarness, tmp_path: Path
) -> None:
    wanted = [CHECKPOINT, "Stable-diffusion/base.yaml", "VAE/base.vae.pt", "embeddings/bad.pt", "ESRGAN/x4.pth"]
    for key in [*wanted, "Stable-diffusion/other.safetensors", "Lora/style.safetensors", "VAE/kl.safetensors"]:
        harness.s3.put_object(Bucket=harness.proxy.bucket, Key=key, Body=key.encode())
    # A file and a folder of one name, which a bucket can hold and a disk cannot.
    for key in ("README.md", "embeddings/../../outside", "Lora/", "embeddings", "ESRGAN/x4.pth/", "embeddings/set"):
        harness.s3.put_object(Bucket=harness.proxy.bucket, Key=key, Body=b"other")
    wanted.append("embeddings/set/one.pt")
    harness.s3.put_object(Bucket=harness.proxy.bucket, Key=wanted[-1], Body=wanted[-1].encode())
    state_file = tmp_path / "state.json"

    code, events = harness.run(MODELS_STATE_FILE=str(state_file))

    assert code == ExitCode.STOPPED
    fetched = {str(path.relative_to(harness.directory)) for path in harness.directory.rglob("[!.]*") if path.is_file()}
    assert fetched == set(wanted)
    assert all(harness.content(key) == key.encode() for key in wanted)
    assert not (tmp_path / "outside").exists()
    by_event = {event["event"]: event for event in events}
    refused = [event["reason"] for event in events if event["event"] == "model_key_refused"]
    assert by_event["models_fetched"]["bytes"] == sum(map(len, wanted))
    assert sorted(reason.partition(" ")[0] for reason in refused) == ["'embeddings/../../outside'", "'embeddings/set'"]
    state = json.loads(state_file.read_text())
    assert (state["state"], state["files_done"], state["bytes_done"]) == ("done", len(wanted), sum(map(len, wanted)))


def test_a_killed_download_resumes_and_publishes_no_half_file(harness: DownloaderHarness) -> None:
    file = harness.put(CHECKPOINT, CONTENT)
    # The last parts never arrive.
    harness.proxy.fault = lambda request, response: replace(
        response, delay_seconds=30.0 if int(str(request.range)[6:].partition("-")[0]) >= len(CONTENT) // 2 else 0.0
    )
    process = harness.start()
    while not harness.finished_parts(file):
        assert process.poll() is None
    process.kill()
    process.communicate()
    assert harness.content() is None
    harness.proxy.fault = lambda request, response: response
    harness.proxy.requests.clear()
    harness.fetch(file)
    assert harness.content() == CONTENT
    assert harness.proxy.bytes_sent() < len(CONTENT)


def test_a_disk_that_becomes_full_is_reported(harness: DownloaderHarness) -> None:
    harness.put(CHECKPOINT, CONTENT)
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (500000, resource.RLIM_INFINITY))\n"
    process = harness.start(prelude=limit)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == ExitCode.DISK_FULL, output
    assert harness.content() is None


def test_without_a_bucket_there_is_no_download(harness: DownloaderHarness) -> None:
    assert harness.run(MODEL_BUCKET="")[0] == ExitCode.STOPPED


def test_wrong_settings_are_reported(harness: DownloaderHarness) -> None:
    code, events = harness.run(MODELS_MAX_BYTES="plenty")
    assert code == ExitCode.INVALID_SETTINGS
    assert "MODELS_MAX_BYTES" in events[-1]["reason"]


def test_a_missing_region_is_reported(harness: DownloaderHarness, tmp_path: Path) -> None:
    process = harness.start(AWS_REGION="", AWS_DEFAULT_REGION="", AWS_CONFIG_FILE=str(tmp_path / "missing"))
    (line,) = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == ExitCode.INVALID_SETTINGS
    event = json.loads(line)
    assert (event["event"], event["reason"].partition(":")[0]) == ("settings_invalid", "AWS_REGION, AWS_DEFAULT_REGION")


def test_a_missing_checkpoint_is_reported(harness: DownloaderHarness) -> None:
    code, events = harness.run()
    assert code == ExitCode.MODEL_MISSING
    assert CHECKPOINT in events[-1]["reason"]


@pytest.mark.parametrize(("is_baked_in", "expected"), [(True, ExitCode.STOPPED), (False, ExitCode.MODEL_MISSING)])
def test_a_preloaded_folder_comes_from_the_bucket_or_the_image(
    harness: DownloaderHarness, is_baked_in: bool, expected: ExitCode
) -> None:
    if is_baked_in:
        (harness.directory / "vae").mkdir(parents=True)
        (harness.directory / "vae" / "x.safetensors").symlink_to("/nowhere")
    code, events = harness.run(RUNTIME_TYPE="comfyui", PRELOAD='["vae/"]')
    assert code == expected
    assert is_baked_in or "vae/, which preload names" in events[-1]["reason"]


@pytest.mark.parametrize("failure", ["refused", "corrupted", "no bucket"])
def test_a_failed_download_is_reported(harness: DownloaderHarness, failure: str) -> None:
    harness.put(CHECKPOINT, CONTENT[:PART_BYTES])
    harness.proxy.fault = lambda _, response: (
        corrupt(response) if failure == "corrupted" else refuse(403, "AccessDenied")
    )
    code, events = harness.run(**({"MODEL_BUCKET": "not-there"} if failure == "no bucket" else {}))
    assert code == ExitCode.DOWNLOAD_FAILED
    assert events[-1]["code"] == "download_failed"
    assert harness.content() is None


def test_a_quota_that_is_too_small_is_reported(harness: DownloaderHarness) -> None:
    harness.put(CHECKPOINT, CONTENT)
    code, events = harness.run(MODELS_MAX_BYTES="0.5MiB")
    assert code == ExitCode.DISK_FULL
    assert f"{CHECKPOINT} has 1 MiB, more than MODELS_MAX_BYTES (0 MiB)" in events[-1]["reason"]
