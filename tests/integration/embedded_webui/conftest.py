"""A running embedded Web UI with two tiny checkpoints, spoken to over HTTP."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

#: Seconds for the two checkpoints and for the port; on a busy machine importing torch alone takes ten.
START_SECONDS = 90

WRITE_CHECKPOINTS = """
import sys
from pathlib import Path
from embedded_webui.tiny_checkpoint import write_tiny_checkpoint
for seed, name in enumerate(("tiny-a", "tiny-b")):
    write_tiny_checkpoint(Path(sys.argv[1]) / f"{name}.safetensors", seed=seed)
"""


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    # In a process of its own: torch would stay in this one.
    subprocess.run(
        [sys.executable, "-c", WRITE_CHECKPOINTS, str(folder / "Stable-diffusion")], check=True, timeout=START_SECONDS
    )
    return folder


@pytest.fixture(scope="session")
def web_ui_url(models_folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "embedded_webui", "--port", "0", "--models-folder", str(models_folder)]
    with (
        (models_folder / "log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as web_ui,
    ):
        assert web_ui.stdout
        port = json.loads(web_ui.stdout.readline())["port"]
        yield f"http://127.0.0.1:{port}"
        web_ui.terminate()
        assert web_ui.wait(timeout=START_SECONDS) == 0


@pytest.fixture
def web_ui(web_ui_url: str) -> Iterator[httpx.Client]:
    """A client of the running Web UI; what a test sets with `options` is for itself to set back."""
    with httpx.Client(base_url=f"{web_ui_url}/sdapi/v1", timeout=START_SECONDS) as client:
        yield client
