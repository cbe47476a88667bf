"""A ComfyUI that runs already, with `--comfyui-url`: its models are known, and the agent shares its files."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.demo.documented_requests import documented_workflow
from tests.harness.local_system import running_system

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def comfyui_url(tmp_path: Path) -> Iterator[str]:
    checkpoint = tmp_path / "models" / "checkpoints" / "sd_xl_turbo_1.0.safetensors"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    command = [sys.executable, "-m", "embedded_comfyui", "--port", "0", "--stub-seconds", "0"]
    command += ["--models", str(tmp_path / "models"), "--base-directory", str(tmp_path / "base")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        process.kill()


def test_it_executes_the_workflows(comfyui_url: str, tmp_path: Path) -> None:
    with running_system(tmp_path, "--stub-webui", "0", "--comfyui-url", comfyui_url) as system:
        assert system.endpoints["runtimes"]["comfyui"]["engine_url"] == comfyui_url
        system.publish(documented_workflow())
        callback = system.callback(id="test-pipeline")
        assert callback["result"], callback
        picture = system.object(callback["image_url"][0])
    assert picture.startswith(b"\x89PNG")
