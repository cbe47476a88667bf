"""Models that tasks name: fetched from the bucket before their turn, switched to as seldom as may be, making room."""

import base64
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from contract.record import Status
from stub_webui.png_images import plain_png
from stub_webui.web_ui import CHECKPOINT
from tests.integration.agent.harness import PROJECT, Harness
from tests.integration.model_downloader.fault_proxy import FaultProxy

MODEL_BYTES = 300_000


class ModelGround:
    """A model bucket, and a Web UI that sees what is in its models folder."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.directory = harness.directory / "models"
        self.bucket = harness.output_bucket.replace("outputs", "models")
        harness.s3.create_bucket(Bucket=self.bucket)
        service = harness.webui.service
        service.lists = {**service.lists, "loras": [], "sd-vae": []}
        service.found_by_refresh = {
            "refresh-checkpoints": self._find_checkpoints,
            "refresh-loras": self._find_loras,
            "refresh-vae": self._find_vaes,
        }

    def _find_checkpoints(self) -> None:
        self.harness.webui.checkpoints[:] = [path.name for path in self.files("Stable-diffusion")]

    def _find_loras(self) -> None:
        names = [path.stem for path in self.files("Lora")]
        self.harness.webui.service.lists["loras"] = [{"name": name, "alias": name} for name in names]

    def _find_vaes(self) -> None:
        self.harness.webui.service.lists["sd-vae"] = [{"model_name": path.name} for path in self.files("VAE")]

    def files(self, folder: str) -> list[Path]:
        return sorted(path for path in (self.directory / folder).rglob("[!.]*") if path.is_file())

    def on_disk(self, folder: str = "Stable-diffusion") -> list[str]:
        return [path.name for path in self.files(folder)]

    def put(self, *keys: str) -> None:
        for key in keys:
            self.harness.s3.put_object(Bucket=self.bucket, Key=key, Body=key.encode() * (MODEL_BYTES // len(key)))

    def variables(self, **changes: object) -> dict[str, object]:
        return {"MODEL_BUCKET": self.bucket, "MODELS_DIRECTORY": self.directory, **changes}


@pytest.fixture
def ground(harness: Harness) -> ModelGround:
    return ModelGround(harness)


def test_a_task_gets_the_model_that_it_names_with_lora_and_vae(harness: Harness, ground: ModelGround) -> None:
    ground.put("Stable-diffusion/photo.safetensors", "Stable-diffusion/photo.yaml", "Stable-diffusion/other.ckpt")
    ground.put("Lora/styles/ink.safetensors", "Lora/oil.safetensors", "VAE/soft.safetensors", "VAE/photo.vae.pt")
    content = {
        "prompt": "a <lora:ink:0.8> cat",
        "negative_prompt": "<lora:oil:1>",
        "steps": 2,
        "override_settings": {"sd_vae": "soft.safetensors"},
    }
    harness.submit("a", content, checkpoint="photo.safetensors")
    agent = harness.start_agent(**ground.variables())
    harness.wait_for("a", Status.COMPLETED)
    assert ground.on_disk() == ["photo.safetensors", "photo.yaml"]
    assert [path.relative_to(ground.directory).as_posix() for path in ground.files("Lora")] == [
        "Lora/styles/ink.safetensors"
    ]
    assert ground.on_disk("VAE") == ["photo.vae.pt", "soft.safetensors"]
    assert [run.checkpoint for run in harness.webui.runs] == ["photo.safetensors"]
    assert agent.logged("model_fetched", task_id="a", key="Stable-diffusion/photo.safetensors")


def test_the_next_model_comes_while_a_task_generates(harness: Harness, ground: ModelGround) -> None:
    ground.put("Stable-diffusion/first.safetensors", "Stable-diffusion/second.safetensors")
    harness.webui.seconds_per_step = 0.3
    harness.submit("a", {"prompt": "a", "steps": 10}, checkpoint="first.safetensors")
    harness.submit("b", {"prompt": "b", "steps": 1}, checkpoint="second.safetensors")
    agent = harness.start_agent(**ground.variables())
    harness.eventually(lambda: "second.safetensors" in ground.on_disk(), "the second model being on disk")
    assert not harness.read("a").is_final
    harness.wait_for("b", Status.COMPLETED)
    assert agent.logged("model_fetched", task_id="b")


def test_how_far_the_models_of_a_task_are_stands_in_its_record(harness: Harness, ground: ModelGround) -> None:
    size = 3 * 1024 * 1024
    harness.s3.put_object(Bucket=ground.bucket, Key="Stable-diffusion/slow.safetensors", Body=bytes(size))
    proxy = FaultProxy(harness.endpoint_url, ground.bucket)
    proxy.fault = lambda _, response: replace(response, delay_seconds=0.03) if response.body else response
    with proxy.serve():
        harness.submit("a", checkpoint="slow.safetensors")
        harness.start_agent(**ground.variables(AWS_ENDPOINT_URL_S3=proxy.url))

        reported = harness.eventually(lambda: harness.read("a").models, "the progress of the download")

        assert reported["bytes"] == size
        assert 0 <= reported["bytes_done"] < size
        record = harness.wait_for("a", Status.COMPLETED)
        assert (record.models, record.attempts) == (None, 1)


def test_a_model_that_vanished_fails_its_task_at_once(harness: Harness, ground: ModelGround) -> None:
    harness.submit("a", checkpoint="gone.safetensors")
    harness.start_agent(**ground.variables())
    record = harness.wait_for("a", Status.FAILED)
    assert record.error is not None
    assert record.error["code"] == "unknown_model"
    assert "gone.safetensors" in record.error["message"]
    assert record.attempts == 1


def test_the_least_recently_used_models_make_room(harness: Harness, ground: ModelGround) -> None:
    names = [f"{letter}.safetensors" for letter in "abc"]
    ground.put(*(f"Stable-diffusion/{name}" for name in names))
    harness.start_agent(**ground.variables(MODELS_MAX_BYTES=MODEL_BYTES * 5 // 2))
    for task_id, name in (("1", names[0]), ("2", names[1]), ("3", names[0]), ("4", names[2])):
        harness.submit(task_id, checkpoint=name)
        harness.wait_for(task_id, Status.COMPLETED)
        time.sleep(0.05)
    assert ground.on_disk() == [names[0], names[2]]
    harness.submit("5", checkpoint=names[1])
    harness.wait_for("5", Status.COMPLETED)
    assert names[1] in ground.on_disk()


def test_what_came_before_the_runtime_was_ready_makes_no_room(harness: Harness, ground: ModelGround) -> None:
    """It would not be fetched again, because tasks do not name it as a file."""
    ground.put("ControlNet/canny.safetensors", *(f"Stable-diffusion/{name}.safetensors" for name in "abc"))
    variables = {name: str(value) for name, value in ground.variables().items()}
    download = [sys.executable, "-m", "runtime_image.model_downloader"]
    subprocess.run(download, check=True, env=harness.environment(**variables), cwd=PROJECT, stdout=subprocess.DEVNULL)
    assert ground.on_disk("ControlNet") == ["canny.safetensors"]
    harness.start_agent(**ground.variables(MODELS_MAX_BYTES=MODEL_BYTES * 7 // 2))
    for name in "abc":
        harness.submit(name, checkpoint=f"{name}.safetensors")
        harness.wait_for(name, Status.COMPLETED)
    assert ground.on_disk() == ["b.safetensors", "c.safetensors"]
    assert ground.on_disk("ControlNet") == ["canny.safetensors"]


def test_a_model_that_never_fits_is_told(harness: Harness, ground: ModelGround) -> None:
    ground.put("Stable-diffusion/large.safetensors")
    harness.submit("a", checkpoint="large.safetensors")
    harness.start_agent(**ground.variables(MODELS_MAX_BYTES=1000))
    error = harness.wait_for_release("a")
    assert error["code"] == "disk_full"
    assert "MODELS_MAX_BYTES" in error["message"]


def test_without_a_model_bucket_nothing_is_fetched(harness: Harness, tmp_path: Path) -> None:
    harness.submit("a")
    harness.start_agent(MODELS_DIRECTORY=tmp_path / "none")
    harness.wait_for("a", Status.COMPLETED)
    assert not (tmp_path / "none").exists()


def test_tasks_of_one_model_run_together(harness: Harness, ground: ModelGround) -> None:
    ground.put("Stable-diffusion/a.safetensors", "Stable-diffusion/b.safetensors")
    harness.webui.seconds_per_step = 0.02
    for number in range(12):
        harness.submit(f"{number}", checkpoint=f"{'ab'[number % 2]}.safetensors")
    harness.start_agent(**ground.variables())
    for number in range(12):
        harness.wait_for(f"{number}", Status.COMPLETED, seconds=40)
    assert len(harness.webui.switches) < 10, json.dumps(harness.webui.switches)


UPSCALING = {"image": base64.b64encode(plain_png("small")).decode(), "upscaler_1": "R-ESRGAN 4x+"}


def test_an_upscaler_gets_its_weights_from_the_bucket(harness: Harness, ground: ModelGround) -> None:
    ground.put("RealESRGAN/RealESRGAN_x4plus.pth")
    harness.start_agent(**ground.variables())
    harness.submit("a", UPSCALING, tasktype="extra-single-image")
    harness.wait_for("a", Status.COMPLETED)
    assert ground.on_disk("RealESRGAN") == ["RealESRGAN_x4plus.pth"]


def test_an_upscaler_without_weights_fails_its_task(harness: Harness, ground: ModelGround) -> None:
    """The Web UI lists it all the same, and would return the image as it was."""
    harness.start_agent(**ground.variables())
    harness.submit("a", UPSCALING, tasktype="extra-single-image")
    error = harness.wait_for("a", Status.FAILED).error
    assert error is not None
    assert error["code"] == "unknown_upscaler"
    assert "put RealESRGAN/RealESRGAN_x4plus.pth into the model bucket" in error["message"]


def test_styles_that_come_after_the_start_are_merged(harness: Harness, ground: ModelGround) -> None:
    ground.put(f"Stable-diffusion/{CHECKPOINT}")
    harness.start_agent(**ground.variables())
    harness.submit("before", {"prompt": "a cat", "steps": 1})
    harness.wait_for("before", Status.COMPLETED)
    styles = b"name,prompt,negative_prompt\nnoir,never,\npop,bright {prompt} <lora:ink:1>,dull\n"
    harness.s3.put_object(Bucket=ground.bucket, Key="styles/styles.csv", Body=styles)
    harness.submit("unknown", {"prompt": "a cat", "steps": 1, "styles": ["pop", "jazz"]})
    error = harness.wait_for("unknown", Status.FAILED).error
    assert error is not None
    assert "has no style 'jazz'; it has: noir, pop" in error["message"]
    ground.put("Lora/ink.safetensors")
    harness.submit("after", {"prompt": "a cat", "steps": 1, "styles": ["pop", "noir"]})
    harness.wait_for("after", Status.COMPLETED)
    body = harness.webui.runs_of("bright a cat <lora:ink:1>")[0].body
    assert (body["negative_prompt"], body["styles"]) == ("dull", ["pop", "noir"])
    assert ground.on_disk("Lora") == ["ink.safetensors"]
