"""ComfyUI as the supervisor's engine, against a server that answers as recorded."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from pathlib import Path

import pytest

from contract.settings import InvalidEnvironment
from runtime_image.comfyui.client import ComfyUiClient
from runtime_image.comfyui.folders import ComfyUiFolders
from runtime_image.process.engine import EngineFailed
from runtime_image.supervisor.engines import ComfyUi
from runtime_image.supervisor.settings import SupervisorSettings
from tests.harness.serving import QuietHandler, serving
from tests.unit.runtime_image.supervisor.fakes import EMPTY_FOLDERS

ANSWERS = {
    "/system_stats": json.dumps({"system": {"comfyui_version": "0.33.0"}, "devices": []}),
}
VARIABLES = {"RUNTIME": "comfy", "WEBUI_COMMAND": "python main.py", "RUNTIME_TYPE": "comfyui"}


@contextmanager
def comfyui(answers: dict[str, str]) -> Iterator[ComfyUi]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path)
            self.send_response(404 if answer is None else 200)
            self.end_headers()
            self.wfile.write((answer or "404: Not Found").encode())

    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield ComfyUi(client=ComfyUiClient(base_url=f"http://127.0.0.1:{server.server_port}"), folders=EMPTY_FOLDERS)


def test_comfyui_is_ready_once_it_answers() -> None:
    with comfyui(ANSWERS) as engine:
        engine.check_ready()
        assert engine.is_responsive(timeout_seconds=5)

    with pytest.raises(EngineFailed, match="/system_stats"):
        engine.check_ready()
    assert not engine.is_responsive(timeout_seconds=5)


def test_another_program_at_the_port_is_not_ready() -> None:
    with comfyui({}) as engine, pytest.raises(EngineFailed, match="answered 404"):
        engine.check_ready()


def test_each_engine_needs_its_address() -> None:
    settings = SupervisorSettings.from_environment({**VARIABLES, "COMFYUI_URL": "http://127.0.0.1:8188"})
    assert settings.comfyui_url == "http://127.0.0.1:8188"
    with pytest.raises(InvalidEnvironment, match="needs COMFYUI_URL"):
        SupervisorSettings.from_environment({**VARIABLES, "WEBUI_URL": "http://127.0.0.1:7860"})
    with pytest.raises(InvalidEnvironment, match="needs WEBUI_URL"):
        SupervisorSettings.from_environment({**VARIABLES, "RUNTIME_TYPE": "sdwebui"})


@pytest.mark.parametrize("name", ["input", "output/nested", "temp"])
def test_the_files_of_all_its_folders_count_against_the_limit(tmp_path: Path, name: str) -> None:
    folders = {each: tmp_path / each for each in ("input", "output", "temp")}

    def exceeds(max_bytes: int | None) -> bool:
        shared = ComfyUiFolders(**folders, max_bytes=max_bytes)
        return ComfyUi(client=ComfyUiClient(base_url="http://127.0.0.1:1"), folders=shared).exceeds_disk()

    assert not exceeds(0)
    (tmp_path / name).mkdir(parents=True)
    for number in range(3):
        (tmp_path / name / f"{number}.png").write_bytes(b"1" * 4096)
    # A file without blocks takes nothing of the disk, whatever its length.
    with (tmp_path / name / "sparse").open("wb") as file:
        file.truncate(10**9)
    assert exceeds(2 * 4096)
    assert not exceeds(10**6)
    assert not exceeds(None)
