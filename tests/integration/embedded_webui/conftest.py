"""A running embedded Web UI with two tiny checkpoints, which tests call over HTTP.

It runs in a thread of the tests' process. Importing torch costs 5 s of processor time, so all tests that need it are in
one group, which runs in one process.
"""

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest
import uvicorn

from embedded_webui.api.application import create_application
from embedded_webui.models.kinds import TRAINED_MODELS
from embedded_webui.web_ui import CHECKPOINT_FOLDER, EmbeddedWebUi

#: Seconds for a request, and for the end of the server, on a busy machine.
DEADLINE_SECONDS = 240


class Checkpoints(NamedTuple):
    """Names of the two checkpoints of a Web UI."""

    first: str
    second: str


CHECKPOINTS: Final = Checkpoints("tiny-a", "tiny-b")


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for style, name in zip(("shapes", "chalk"), CHECKPOINTS, strict=True):
        path = folder / CHECKPOINT_FOLDER / f"{name}.safetensors"
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(TRAINED_MODELS / CHECKPOINT_FOLDER / f"{style}.safetensors", path)
    return folder


@pytest.fixture(scope="session")
def web_ui_url(models_folder: Path) -> Iterator[str]:
    web_ui = EmbeddedWebUi(models_folder=models_folder, threads=1, settings_file=None)
    config = uvicorn.Config(
        create_application(web_ui), http="h11", loop="asyncio", ws="none", access_log=False, log_config=None
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def web_ui(web_ui_url: str) -> Iterator[httpx.Client]:
    """A client of the running Web UI; a test that changes options with `options` changes them back."""
    with httpx.Client(base_url=f"{web_ui_url}/sdapi/v1", timeout=DEADLINE_SECONDS) as client:
        yield client


@pytest.fixture
def first_checkpoint(web_ui: httpx.Client) -> Iterator[None]:
    """Load the first checkpoint before a test and after it."""
    web_ui.post("/options", json={"sd_model_checkpoint": CHECKPOINTS.first})
    yield
    web_ui.post("/options", json={"sd_model_checkpoint": CHECKPOINTS.first})
