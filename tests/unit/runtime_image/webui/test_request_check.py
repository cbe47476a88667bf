"""Checks of a request before it goes to the Web UI."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.errors import InvalidTask
from contract.routing import Limits
from contract.script_tables import TEXT_TO_IMAGE_AXES
from contract.task import TaskType
from runtime_image.process.engine_http import EngineResponse
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.names.catalog import NameCatalog
from runtime_image.webui.options import OptionOverrides
from runtime_image.webui.request import WebUiRequest, build_request, content_of
from runtime_image.webui.request_check import RequestCheck

OPTIONS = {"CLIP_stop_at_last_layers": 1, "samples_format": "png", "upscaler_for_img2img": None, "sd_vae": "Automatic"}
LISTS = {
    "samplers": [{"name": "Euler a"}],
    "upscalers": [{"name": "Lanczos"}],
    "scripts": {"txt2img": ["x/y/z plot"], "img2img": ["sd upscale"]},
    "options": OPTIONS,
}
CLIP_SKIP = {"CLIP_stop_at_last_layers": 2}

NAMES = """prompt hr_prompt negative_prompt sampler_name sampler_index scheduler styles script_name alwayson_scripts
refiner_checkpoint override_settings enable_hr hr_upscaler hr_sampler_name hr_scheduler hr_checkpoint_name
disable_extra_networks upscaler_1 upscaler_2 sd_vae CLIP_stop_at_last_layers samples_format"""
FIELDS = st.sampled_from(NAMES.split())
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["Euler a", "<lora:x:1>"]),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(FIELDS | st.text(max_size=3), children, max_size=3)
    ),
    max_leaves=6,
)


class FakeWebUi(WebUiClient):
    def __init__(self) -> None:
        self.calls: list[str] = []

    def call(self, method: str, path: str, body: bytes | None = None, *, timeout_seconds: float = 1) -> EngineResponse:
        name = path.removeprefix("/sdapi/v1/")
        self.calls.append(name)
        return EngineResponse(200, json.dumps(LISTS.get(name, [])).encode())


class Harness:
    def __init__(self, *allowed_options: str) -> None:
        self.webui = FakeWebUi()
        self.request_check = RequestCheck(
            names=NameCatalog(client=self.webui, models_folder=None),
            options=OptionOverrides(client=self.webui),
            allowed_options=allowed_options,
            limits=Limits(),
        )

    def check(self, content: Mapping[str, Any], tasktype: TaskType = TaskType.TEXT_TO_IMAGE) -> WebUiRequest:
        body, field = content_of(tasktype, dict(content))
        request = build_request(tasktype, dict(content), {})
        checked = self.request_check.check(request, body, field, checkpoint=None, timeout_seconds=1)
        return checked.with_body(body)


def plot_of(label: str) -> list[Any]:
    """Return the arguments of a plot with one axis."""
    axis = [TEXT_TO_IMAGE_AXES.index(label), "", ["xl"]]
    return [*axis, *[0, "", []] * 2, *[False] * 9]


def sent(request: WebUiRequest) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(request.body or b"")
    return value


def test_a_plain_request_is_checked_without_a_call_and_not_changed() -> None:
    desk, content = Harness(), {"prompt": "a cat", "negative_prompt": "<lora:x:1>", "steps": 20, "unknown": [1]}

    request = desk.check(content)

    assert desk.webui.calls == []
    assert content.items() <= sent(request).items()
    assert (request.sampler_name, request.overridden_options, request.is_exclusive) == (None, frozenset(), False)


@pytest.mark.parametrize(
    ("content", "loads"),
    [
        ({"refiner_checkpoint": "xl"}, True),
        ({"refiner_checkpoint": "None"}, False),
        ({"enable_hr": True, "hr_checkpoint_name": "xl"}, True),
        ({"hr_checkpoint_name": "xl"}, False),
        ({"script_name": "X/Y/Z plot", "script_args": plot_of("Checkpoint name")}, True),
        ({"script_name": "X/Y/Z plot", "script_args": plot_of("Styles")}, False),
    ],
)
def test_a_request_that_may_load_another_checkpoint_is_known(
    monkeypatch: pytest.MonkeyPatch, content: Mapping[str, Any], *, loads: bool
) -> None:
    monkeypatch.setitem(LISTS, "sd-models", [{"title": "xl.safetensors", "model_name": "xl"}])
    monkeypatch.setitem(LISTS, "prompt-styles", [{"name": "xl"}])

    assert Harness().check(content).loads_checkpoints is loads


@pytest.mark.parametrize("said", [True, False, None])
def test_options_are_always_set_back_by_the_web_ui(*, said: bool | None) -> None:
    request = Harness().check({"override_settings": CLIP_SKIP, "override_settings_restore_afterwards": said})

    assert request.overridden_options == CLIP_SKIP.keys()
    assert sent(request)["override_settings_restore_afterwards"] is True
    assert not request.is_exclusive


@pytest.mark.parametrize(
    "content",
    [
        {"override_settings": {"samples_format": "jpg"}},
        {"override_settings": {**CLIP_SKIP, "samples_format": "jpg"}},
        {"override_settings": {"upscaler_for_img2img": "Lanczos"}},
    ],
)
def test_or_by_the_agent_which_then_has_the_web_ui_to_itself(content: dict[str, Any]) -> None:
    request = Harness().check(content)

    assert (request.is_exclusive, request.overridden_options) == (True, frozenset())
    assert request.left_options == frozenset(content.get("override_settings", ()))
    assert sent(request)["override_settings_restore_afterwards"] is False


def test_the_sampler_that_must_come_back_is_the_one_that_runs() -> None:
    assert Harness().check({"sampler_name": "", "sampler_index": "Euler a"}).sampler_name == "Euler a"
    # A script may choose its own.
    assert Harness().check({"sampler_name": "Euler a", "script_name": "x/y/z plot"}).sampler_name is None


def test_setting_options_needs_leave_and_reading_them_does_not() -> None:
    api = {"method": "POST", "endpoint": "/sdapi/v1/options"}
    with pytest.raises(InvalidTask, match="options to set: none"):
        Harness().check({"api": api, "payload": CLIP_SKIP}, TaskType.WEBUI_API)

    assert sent(Harness(*CLIP_SKIP).check({"api": api, "payload": CLIP_SKIP}, TaskType.WEBUI_API)) == CLIP_SKIP
    assert Harness().check({"api": {**api, "method": "GET"}}, TaskType.WEBUI_API).body is None


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(FIELDS, VALUES, max_size=5),
    st.sampled_from([TaskType.TEXT_TO_IMAGE, TaskType.IMAGE_TO_IMAGE, TaskType.EXTRA_SINGLE_IMAGE, TaskType.WEBUI_API]),
)
def test_no_body_is_too_strange(content: dict[str, Any], tasktype: TaskType) -> None:
    if tasktype is TaskType.WEBUI_API:
        content = {"api": {"method": "POST", "endpoint": "sdapi/v1/options"}, "payload": content}
    with suppress(InvalidTask):
        Harness("CLIP_stop_at_last_layers", "samples_format").check(content, tasktype)
