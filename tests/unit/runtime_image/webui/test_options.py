"""Keeping the Web UI's options as they are, tried out on options with the recorded leak."""

import json
from pathlib import Path
from typing import Any

import pytest

from embedded_webui.options import WebUiOptions
from runtime_image.process.engine_http import EngineResponse
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import WebUiFailed
from runtime_image.webui.options import OptionOverrides

DEFAULTS = {
    "clip_skip": 1,
    "multiplier": 1.5,
    "samples_format": "png",
    "upscaler": None,
    "sd_model_checkpoint": "one",
    "sd_checkpoint_hash": "1111",
}


class FakeWebUi(WebUiClient):
    """Its options, and a generation that overrides some of them."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.options = WebUiOptions(defaults=DEFAULTS, file=file)
        self.calls: list[tuple[str, Any]] = []
        self.broken = False

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = 1) -> EngineResponse:
        values = json.loads(body or b"null")
        self.calls.append((method, values))
        if self.broken:
            return EngineResponse(500, b"Internal Server Error")
        if method == "GET":
            return EngineResponse(200, json.dumps(self.options.answer()).encode())
        for name, value in values.items():
            self.options.set(name, value)
        self.options.save()
        return EngineResponse(200, b"null")

    def generate(self, *, restore: bool = True, **overrides: Any) -> dict[str, Any]:
        """Override options as a generation does; return them as they were meanwhile."""
        remembered = self.options.remember(overrides)
        for name, value in overrides.items():
            self.options.set(name, value)
        meanwhile = self.options.answer()
        if restore:
            self.options.restore(remembered)
        return meanwhile


def test_what_is_not_guarded_leaks() -> None:
    webui = FakeWebUi()

    webui.generate(clip_skip=2)

    assert webui.options["clip_skip"] == 2


def test_what_is_guarded_is_set_back_also_after_a_restart(tmp_path: Path) -> None:
    webui = FakeWebUi(tmp_path / "config.json")
    options = OptionOverrides(client=webui)
    keys = frozenset({"clip_skip", "multiplier"})

    assert not options.are_pinned(keys)
    options.pin(keys)
    assert options.are_pinned(keys)
    # A whole number stays one: layers are counted by it.
    assert webui.calls == [("GET", None), ("POST", {"clip_skip": 1, "multiplier": 1.5})]
    for _ in range(2):
        assert webui.generate(clip_skip=2)["clip_skip"] == 2
        assert webui.options["clip_skip"] == 1
        webui.options = WebUiOptions(defaults=DEFAULTS, file=webui.file)


def test_guarding_takes_the_value_that_holds_and_asks_once() -> None:
    webui = FakeWebUi()
    options = OptionOverrides(client=webui)
    webui.options.set("clip_skip", 3)

    options.pin(frozenset({"clip_skip"}))
    webui.generate(clip_skip=2)

    assert webui.options["clip_skip"] == 3
    options.forget()
    assert not options.are_pinned({"clip_skip"})


def test_what_was_borrowed_is_set_back_once() -> None:
    webui = FakeWebUi()
    options = OptionOverrides(client=webui)
    options.restore()
    assert webui.calls == []

    options.override({"samples_format", "upscaler", "clip_skip"})
    webui.generate(restore=False, samples_format="jpg", upscaler="Lanczos")
    options.restore()
    options.restore()

    assert (webui.options["samples_format"], webui.options["upscaler"]) == ("png", None)
    assert webui.calls[-1] == ("POST", {"samples_format": "png", "upscaler": None})
    assert [method for method, _ in webui.calls] == ["GET", "GET", "POST"]


def test_what_could_not_be_set_back_is_owed_through_the_next_life() -> None:
    webui = FakeWebUi()
    options = OptionOverrides(client=webui)
    options.override({"samples_format"})
    webui.generate(restore=False, samples_format="jpg")
    webui.broken = True
    with pytest.raises(WebUiFailed):
        options.restore()
    options.forget()

    webui.broken = False
    options.restore()

    assert webui.options["samples_format"] == "png"


def test_the_next_agent_restores_what_a_killed_one_had_overridden(tmp_path: Path) -> None:
    webui, file = FakeWebUi(), tmp_path / "options.json"
    OptionOverrides(client=webui, pending_file=file).override({"samples_format"})
    webui.generate(restore=False, samples_format="jpg")

    OptionOverrides(client=webui, pending_file=file).restore()

    assert webui.options["samples_format"] == "png"
    webui.calls.clear()
    OptionOverrides(client=webui, pending_file=file).restore()
    assert webui.calls == []


def test_no_checkpoint_of_a_killed_agents_task_is_restored_after_another_was_loaded(tmp_path: Path) -> None:
    webui, file = FakeWebUi(), tmp_path / "options.json"
    options = OptionOverrides(client=webui, pending_file=file)
    owed_by_a_dead_web_ui(options, webui, *DEFAULTS)
    options.checkpoint_was_loaded()

    OptionOverrides(client=webui, pending_file=file).restore()

    assert webui.options["sd_model_checkpoint"] == "two"


def test_a_file_that_cannot_be_written_or_read_fails_no_task(tmp_path: Path) -> None:
    webui, broken = FakeWebUi(), tmp_path / "broken.json"
    broken.write_text("{")
    for file in (tmp_path / "missing" / "options.json", broken):
        options = OptionOverrides(client=webui, pending_file=file)
        options.override({"samples_format"})
        webui.generate(restore=False, samples_format="jpg")
        options.restore()
        assert webui.options["samples_format"] == "png"


def owed_by_a_dead_web_ui(options: OptionOverrides, webui: FakeWebUi, *keys: str) -> None:
    """Die with a request that has left the format of pictures changed; the next life has other settings."""
    options.override(frozenset(keys))
    webui.generate(restore=False, samples_format="jpg")
    webui.options.set("clip_skip", 3)
    webui.options.set("sd_model_checkpoint", "two")
    webui.options.set("sd_checkpoint_hash", "2222")
    options.forget()


def test_what_the_dead_request_did_not_name_is_the_next_lifes_own() -> None:
    webui = FakeWebUi()
    options = OptionOverrides(client=webui)
    owed_by_a_dead_web_ui(options, webui, "samples_format")

    options.restore()

    assert webui.options.answer() == DEFAULTS | {
        "clip_skip": 3,
        "sd_model_checkpoint": "two",
        "sd_checkpoint_hash": "2222",
    }


def test_no_checkpoint_is_set_back_under_the_task_for_which_another_was_loaded() -> None:
    webui = FakeWebUi()
    options = OptionOverrides(client=webui)
    owed_by_a_dead_web_ui(options, webui, *DEFAULTS)

    options.checkpoint_was_loaded()
    options.restore()

    assert webui.options.answer() == DEFAULTS | {"sd_model_checkpoint": "two", "sd_checkpoint_hash": "2222"}


def test_a_checkpoint_that_a_request_left_loaded_is_set_back_if_nobody_names_another() -> None:
    webui = FakeWebUi()
    options = OptionOverrides(client=webui)
    owed_by_a_dead_web_ui(options, webui, "samples_format", "sd_model_checkpoint")

    options.restore()

    assert webui.options["sd_model_checkpoint"] == "one"
    assert webui.options["samples_format"] == "png"


def test_an_option_that_is_not_set_cannot_be_guarded() -> None:
    options = OptionOverrides(client=FakeWebUi())

    with pytest.raises(WebUiFailed, match="upscaler"):
        options.pin(frozenset({"upscaler"}))
    assert not options.are_pinned({"upscaler"})
