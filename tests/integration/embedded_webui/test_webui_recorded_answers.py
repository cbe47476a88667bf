"""Responses to the recorded requests have the status, keys and types of SD Web UI v1.10.1."""

import json
from typing import Any

import httpx
import pytest

from tests.integration.embedded_webui.conftest import CHECKPOINTS
from tests.integration.embedded_webui.recordings import ANSWERS, PAGE_OPTIONS, mismatches, recorded_shape

pytestmark = [pytest.mark.xdist_group("embedded_webui")]


@pytest.fixture
def checkpoint(web_ui: httpx.Client) -> dict[str, Any]:
    """The loaded checkpoint, whose hash is therefore known."""
    assert web_ui.post("/options", json={"sd_model_checkpoint": CHECKPOINTS.first}).status_code == 200
    return next(entry for entry in web_ui.get("/sd-models").json() if entry["model_name"] == CHECKPOINTS.first)


@pytest.mark.parametrize("name", ANSWERS)
def test_answer_has_the_recorded_status_keys_and_types(
    name: str, web_ui: httpx.Client, checkpoint: dict[str, Any]
) -> None:
    recorded = ANSWERS[name]
    answer = _send(web_ui, recorded, checkpoint)
    assert answer.status_code == recorded["status"], answer.text[:500]
    body = answer.json()
    if "body" in recorded:
        assert body == recorded["body"]
    if "answer" in recorded:
        body["info"] = json.loads(body["info"])
    if (shape := recorded_shape(name)) is not None:
        assert mismatches(body, shape) == []
    if "pictures" in recorded:
        assert len(body["images"]) == recorded["pictures"]
    if "html_info" in recorded:
        assert body["html_info"] == recorded["html_info"]
    if "infotexts" in recorded:
        assert body["info"]["infotexts"] == [_filled(text, checkpoint) for text in recorded["infotexts"]]


def test_the_options_of_the_pages_are_there(web_ui: httpx.Client) -> None:
    options = web_ui.get("/options").json()
    assert mismatches({name: options.get(name) for name in PAGE_OPTIONS}, PAGE_OPTIONS) == []


def _send(web_ui: httpx.Client, recorded: dict[str, Any], checkpoint: dict[str, Any]) -> httpx.Response:
    url = f"{str(web_ui.base_url).removesuffix('/sdapi/v1/')}{recorded['path']}"
    if "raw" in recorded:
        headers = {"content-type": "application/json"}
        return web_ui.request(recorded["method"], url, content=recorded["raw"], headers=headers)
    if "json" not in recorded:
        return web_ui.request(recorded["method"], url)
    return web_ui.request(recorded["method"], url, json=json.loads(_filled(json.dumps(recorded["json"]), checkpoint)))


def _filled(text: str, checkpoint: dict[str, Any]) -> str:
    """Return a text with the names of the loaded checkpoint for those of the recorded one."""
    for mark, value in (
        ("short_hash", checkpoint["hash"]),
        ("title", checkpoint["title"]),
        ("model_name", CHECKPOINTS.first),
    ):
        text = text.replace(f"{{{mark}}}", value)
    return text
