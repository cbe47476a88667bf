"""Switching checkpoints: every form of a name, a refresh for what is new, and proof that it is loaded."""

import json
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

import pytest

from runtime_image.process.engine import UnknownModel
from runtime_image.process.engine_http import EngineResponse
from runtime_image.webui.checkpoints import Checkpoints
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import (
    CheckpointNotLoaded,
    CheckpointSpoiled,
    OtherCheckpoint,
    WebUiFailed,
)

HASH, SHA256 = "3f9547ae2d", "3f9547ae2d448583"


class FakeWebUi(WebUiClient):
    """Knows two checkpoints; a third appears with a refresh."""

    def __init__(self) -> None:
        self.titles = [f"sd/one.safetensors [{HASH}]", "two.ckpt"]
        self.new_titles: list[str] = []
        self.loaded = self.titles[0]
        self.broken: set[str] = set()
        self.calls: list[str] = []
        self.switches: list[str] = []
        self.folder: PurePath = PureWindowsPath("C:/models")

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = 1) -> EngineResponse:
        self.calls.append(f"{method} {path.removeprefix('/sdapi/v1/')}")
        match method, path:
            case "GET", "/sdapi/v1/sd-models":
                return self.answer([self.entry(title) for title in self.titles])
            case "GET", "/sdapi/v1/options":
                return self.answer({"sd_model_checkpoint": self.loaded})
            case "POST", "/sdapi/v1/options":
                wanted = json.loads(body or b"")["sd_model_checkpoint"]
                self.switches.append(wanted)
                if wanted not in self.broken:
                    self.loaded = wanted
                return self.answer(None)
            case "POST", "/sdapi/v1/refresh-checkpoints":
                self.titles += self.new_titles
                return self.answer(None)
        return EngineResponse(404, b"")

    @staticmethod
    def answer(value: Any) -> EngineResponse:
        return EngineResponse(200, json.dumps(value).encode())

    def entry(self, title: str) -> dict[str, Any]:
        name = title.partition(" [")[0]
        is_hashed = "[" in title
        return {
            "title": title,
            "model_name": name.replace("/", "_").rpartition(".")[0],
            "hash": HASH if is_hashed else None,
            "sha256": SHA256 if is_hashed else None,
            "filename": str(self.folder / name),
        }


@pytest.mark.parametrize(
    "name",
    ["sd/one.safetensors", "sd/one", "one.safetensors", "one", "sd_one", f"sd/one.safetensors [{HASH}]", HASH, SHA256],
)
def test_every_form_of_a_name_is_understood(name: str) -> None:
    webui = FakeWebUi()
    webui.loaded = "two.ckpt"

    Checkpoints(client=webui).load(name)

    assert webui.loaded == f"sd/one.safetensors [{HASH}]"


def test_what_is_loaded_is_not_loaded_again() -> None:
    webui = FakeWebUi()
    checkpoints = Checkpoints(client=webui)

    checkpoints.load("one.safetensors")

    assert checkpoints.is_loaded("one.safetensors")
    assert not checkpoints.is_loaded("two.ckpt")
    assert checkpoints.is_loaded(None)
    assert "POST options" not in webui.calls
    checkpoints.forget()
    assert not checkpoints.is_loaded("one.safetensors")


def test_a_new_file_is_found_by_a_refresh() -> None:
    webui = FakeWebUi()
    webui.new_titles = ["three.safetensors"]

    Checkpoints(client=webui).load("three.safetensors")

    assert webui.loaded == "three.safetensors"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match=r"'nope'; it has: sd/one\.safetensors, two\.ckpt$"):
        Checkpoints(client=FakeWebUi()).load("nope")


def test_a_load_that_failed_is_noticed_and_another_checkpoint_replaces_the_spoiled_one() -> None:
    webui = FakeWebUi()
    webui.titles.append("three.safetensors")
    webui.broken = {"two.ckpt"}
    checkpoints = Checkpoints(client=webui)
    checkpoints.load("one")

    with pytest.raises(CheckpointNotLoaded) as failure:
        checkpoints.load("two.ckpt")
    assert not isinstance(failure.value, CheckpointSpoiled)
    assert not checkpoints.is_loaded("two.ckpt")
    assert not checkpoints.is_loaded("one")
    assert checkpoints.is_loaded(None)

    checkpoints.load("one")
    assert webui.switches == ["two.ckpt", "three.safetensors", webui.titles[0]]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_spoiled_checkpoint_makes_no_picture_before_another_was_loaded_or_a_restart(*, restarts: bool) -> None:
    webui = FakeWebUi()
    webui.broken = {"two.ckpt"}
    checkpoints = Checkpoints(client=webui)
    checkpoints.load("one")

    with pytest.raises(CheckpointSpoiled, match=r"did not load two\.ckpt"):
        checkpoints.load("two.ckpt")

    checkpoints.forget()
    assert not checkpoints.is_loaded(None)
    if restarts:
        checkpoints.restarted()
        checkpoints.load("one")
        assert webui.switches == ["two.ckpt"]
        return
    with pytest.raises(CheckpointSpoiled):
        checkpoints.load("one")
    webui.broken = set()
    checkpoints.load(None)
    checkpoints.load("one")
    assert webui.switches[-2:] == ["two.ckpt", webui.titles[0]]


def test_a_broken_file_does_not_replace_a_spoiled_checkpoint(tmp_path: Path) -> None:
    broken = tmp_path / "cut.safetensors"
    broken.write_bytes(b"\x10\0\0\0\0\0\0\0not a header")
    webui = FakeWebUi()
    webui.folder = tmp_path
    webui.titles, webui.broken = [*webui.titles, broken.name], {"two.ckpt"}

    with pytest.raises(CheckpointSpoiled):
        Checkpoints(client=webui).replace_spoiled()

    assert webui.switches == ["two.ckpt"]


def test_pictures_of_another_model_are_noticed() -> None:
    checkpoints = Checkpoints(client=FakeWebUi())
    checkpoints.load("one")

    checkpoints.check_answer("one", {"info": json.dumps({"sd_model_name": "one"})})
    checkpoints.check_answer("one", {"info": "{}"})
    checkpoints.check_answer("one", {"info": "not json"})
    checkpoints.check_answer(None, {"info": json.dumps({"sd_model_name": "two"})})
    with pytest.raises(OtherCheckpoint, match="made by two, not by one"):
        checkpoints.check_answer("one", {"info": json.dumps({"sd_model_name": "two"})})
    assert not checkpoints.is_loaded("one")


def test_an_answer_is_checked_although_the_loop_forgets_what_is_loaded_meanwhile() -> None:
    """Another task's failure makes the loop forget; the picture of this one still counts."""
    checkpoints = Checkpoints(client=FakeWebUi())
    checkpoints.load("one")

    class SubclassedAnswer(dict[str, Any]):
        def get(self, *arguments: Any) -> Any:
            checkpoints.forget()
            return super().get(*arguments)

    checkpoints.check_answer("one", SubclassedAnswer(info=json.dumps({"sd_model_name": "one"})))
    checkpoints.load("one")
    with pytest.raises(OtherCheckpoint):
        checkpoints.check_answer("one", SubclassedAnswer(info=json.dumps({"sd_model_name": "two"})))


def test_trouble_is_the_web_uis_failure() -> None:
    class BrokenWebUi(FakeWebUi):
        @staticmethod
        def answer(value: Any) -> EngineResponse:
            return EngineResponse(500, b"Internal Server Error")

    with pytest.raises(WebUiFailed):
        Checkpoints(client=BrokenWebUi()).load("one")
