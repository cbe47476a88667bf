"""Models that tasks name: fetched from the bucket before their turn, switched to as seldom as may be, making room."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from contract.record import Status
from tests.integration.agent.conftest import PROJECT, World
from tests.integration.model_downloader.fault_proxy import FaultProxy

MODEL_BYTES = 300_000


class ModelGround:
    """A model bucket, and a Web UI that sees what is in its models folder."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.directory = world.directory / "models"
        self.bucket = world.output_bucket.replace("outputs", "models")
        world.s3.create_bucket(Bucket=self.bucket)
        service = world.webui.service
        service.lists = {**service.lists, "loras": [], "sd-vae": []}
        service.found_by_refresh = {
            "refresh-checkpoints": self._find_checkpoints,
            "refresh-loras": self._find_loras,
            "refresh-vae": self._find_vaes,
        }

    def _find_checkpoints(self) -> None:
        self.world.webui.checkpoints[:] = [path.name for path in self.files("Stable-diffusion")]

    def _find_loras(self) -> None:
        names = [path.stem for path in self.files("Lora")]
        self.world.webui.service.lists["loras"] = [{"name": name, "alias": name} for name in names]

    def _find_vaes(self) -> None:
        self.world.webui.service.lists["sd-vae"] = [{"model_name": path.name} for path in self.files("VAE")]

    def files(self, folder: str) -> list[Path]:
        return sorted(path for path in (self.directory / folder).rglob("[!.]*") if path.is_file())

    def on_disk(self, folder: str = "Stable-diffusion") -> list[str]:
        return [path.name for path in self.files(folder)]

    def put(self, *keys: str) -> None:
        for key in keys:
            self.world.s3.put_object(Bucket=self.bucket, Key=key, Body=key.encode() * (MODEL_BYTES // len(key)))

    def variables(self, **changes: object) -> dict[str, object]:
        return {"MODEL_BUCKET": self.bucket, "MODELS_DIRECTORY": self.directory, **changes}


@pytest.fixture
def ground(world: World) -> ModelGround:
    return ModelGround(world)


def test_a_task_gets_the_model_that_it_names_with_lora_and_vae(world: World, ground: ModelGround) -> None:
    ground.put("Stable-diffusion/photo.safetensors", "Stable-diffusion/photo.yaml", "Stable-diffusion/other.ckpt")
    ground.put("Lora/styles/ink.safetensors", "Lora/oil.safetensors", "VAE/soft.safetensors", "VAE/photo.vae.pt")
    content = {
        "prompt": "a <lora:ink:0.8> cat",
        "negative_prompt": "<lora:oil:1>",
        "steps": 2,
        "override_settings": {"sd_vae": "soft.safetensors"},
    }
    world.submit("a", content, checkpoint="photo.safetensors")
    agent = world.start_agent(**ground.variables())
    world.wait_for("a", Status.COMPLETED)
    assert ground.on_disk() == ["photo.safetensors", "photo.yaml"]
    assert [path.relative_to(ground.directory).as_posix() for path in ground.files("Lora")] == [
        "Lora/styles/ink.safetensors"
    ]
    assert ground.on_disk("VAE") == ["photo.vae.pt", "soft.safetensors"]
    assert [run.checkpoint for run in world.webui.runs] == ["photo.safetensors"]
    assert agent.logged("model_fetched", task_id="a", key="Stable-diffusion/photo.safetensors")


def test_the_next_model_comes_while_a_task_generates(world: World, ground: ModelGround) -> None:
    ground.put("Stable-diffusion/first.safetensors", "Stable-diffusion/second.safetensors")
    world.webui.seconds_per_step = 0.3
    world.submit("a", {"prompt": "a", "steps": 10}, checkpoint="first.safetensors")
    world.submit("b", {"prompt": "b", "steps": 1}, checkpoint="second.safetensors")
    agent = world.start_agent(**ground.variables())
    world.eventually(lambda: "second.safetensors" in ground.on_disk(), "the second model being on disk")
    assert not world.read("a").is_final
    world.wait_for("b", Status.COMPLETED)
    assert agent.logged("model_fetched", task_id="b")


def test_how_far_the_models_of_a_task_are_stands_in_its_record(world: World, ground: ModelGround) -> None:
    size = 3 * 1024 * 1024
    world.s3.put_object(Bucket=ground.bucket, Key="Stable-diffusion/slow.safetensors", Body=bytes(size))
    proxy = FaultProxy(world.endpoint_url, ground.bucket)
    proxy.fault = lambda _, response: replace(response, delay_seconds=0.03) if response.body else response
    with proxy.serve():
        world.submit("a", checkpoint="slow.safetensors")
        world.start_agent(**ground.variables(AWS_ENDPOINT_URL_S3=proxy.url))

        reported = world.eventually(lambda: world.read("a").models, "the progress of the download")

        assert reported["bytes"] == size
        assert 0 <= reported["bytes_done"] < size
        record = world.wait_for("a", Status.COMPLETED)
        assert (record.models, record.attempts) == (None, 1)


def test_a_model_that_vanished_fails_its_task_at_once(world: World, ground: ModelGround) -> None:
    world.submit("a", checkpoint="gone.safetensors")
    world.start_agent(**ground.variables())
    record = world.wait_for("a", Status.FAILED)
    assert record.error is not None
    assert record.error["code"] == "unknown_model"
    assert "gone.safetensors" in record.error["message"]
    assert record.attempts == 1


def test_the_least_recently_used_models_make_room(world: World, ground: ModelGround) -> None:
    names = [f"{letter}.safetensors" for letter in "abc"]
    ground.put(*(f"Stable-diffusion/{name}" for name in names))
    world.start_agent(**ground.variables(MODELS_MAX_BYTES=MODEL_BYTES * 5 // 2))
    for task_id, name in (("1", names[0]), ("2", names[1]), ("3", names[0]), ("4", names[2])):
        world.submit(task_id, checkpoint=name)
        world.wait_for(task_id, Status.COMPLETED)
        time.sleep(0.05)
    assert ground.on_disk() == [names[0], names[2]]
    world.submit("5", checkpoint=names[1])
    world.wait_for("5", Status.COMPLETED)
    assert names[1] in ground.on_disk()


def test_what_came_before_the_runtime_was_ready_makes_no_room(world: World, ground: ModelGround) -> None:
    """Nobody would fetch it again: tasks do not name it as a file."""
    ground.put("ControlNet/canny.safetensors", *(f"Stable-diffusion/{name}.safetensors" for name in "abc"))
    variables = {name: str(value) for name, value in ground.variables().items()}
    download = [sys.executable, "-m", "runtime_image.model_downloader"]
    subprocess.run(download, check=True, env=world.environment(**variables), cwd=PROJECT, stdout=subprocess.DEVNULL)
    assert ground.on_disk("ControlNet") == ["canny.safetensors"]
    world.start_agent(**ground.variables(MODELS_MAX_BYTES=MODEL_BYTES * 7 // 2))
    for name in "abc":
        world.submit(name, checkpoint=f"{name}.safetensors")
        world.wait_for(name, Status.COMPLETED)
    assert ground.on_disk() == ["b.safetensors", "c.safetensors"]
    assert ground.on_disk("ControlNet") == ["canny.safetensors"]


def test_a_model_that_never_fits_is_told(world: World, ground: ModelGround) -> None:
    ground.put("Stable-diffusion/large.safetensors")
    world.submit("a", checkpoint="large.safetensors")
    world.start_agent(**ground.variables(MODELS_MAX_BYTES=1000))
    error = world.wait_for_hand_back("a")
    assert error["code"] == "disk_full"
    assert "MODELS_MAX_BYTES" in error["message"]


def test_without_a_model_bucket_nothing_is_fetched(world: World, tmp_path: Path) -> None:
    world.submit("a")
    world.start_agent(MODELS_DIRECTORY=tmp_path / "none")
    world.wait_for("a", Status.COMPLETED)
    assert not (tmp_path / "none").exists()


def test_tasks_of_one_model_run_together(world: World, ground: ModelGround) -> None:
    ground.put("Stable-diffusion/a.safetensors", "Stable-diffusion/b.safetensors")
    world.webui.seconds_per_step = 0.02
    for number in range(12):
        world.submit(f"{number}", checkpoint=f"{'ab'[number % 2]}.safetensors")
    world.start_agent(**ground.variables())
    for number in range(12):
        world.wait_for(f"{number}", Status.COMPLETED, seconds=40)
    assert len(world.webui.switches) < 10, json.dumps(world.webui.switches)
