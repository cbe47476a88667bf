"""Answers and runs of the embedded ComfyUI, key by key against those of the real one."""

import json
from typing import Any

import pytest

from tests.integration.embedded_comfyui.conftest import RunningComfyUi
from tests.integration.embedded_comfyui.recordings import RECORDED, body_of, compared

pytestmark = pytest.mark.xdist_group("embedded_comfyui")


@pytest.mark.parametrize("call", RECORDED["calls"], ids=lambda call: call["name"])
def test_a_call_is_answered_as_recorded(comfyui: RunningComfyUi, call: dict[str, Any]) -> None:
    sent = call.get("json")
    content: str | None = call.get("raw")
    if "json" in call:
        content = json.dumps(body_of(sent) if isinstance(sent, dict) else sent)
    answer = comfyui.http.request(call["method"], call["path"], headers=call.get("headers"), content=content)
    assert answer.status_code == call["status"], answer.text
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    body = compared(answer.json() if is_json else answer.text)
    if call["path"].startswith("/object_info"):
        body = {name: body[name] for name in call["body"]}
        if "LoadImage" in body:
            body["LoadImage"]["input"]["required"]["image"][0] = []
    assert body == compared(call["body"])


@pytest.mark.parametrize("name", RECORDED["runs"])
def test_a_run_ends_as_recorded(comfyui: RunningComfyUi, name: str) -> None:
    recorded = RECORDED["runs"][name]
    body = body_of({key: value for key, value in recorded.items() if key not in _OUTCOME})
    answer = comfyui.http.post("/prompt", json=body).json()
    assert compared(answer["node_errors"]) == compared(recorded["node_errors"])
    entry = comfyui.finished(answer["prompt_id"])
    found = {"status": entry["status"]["status_str"], "outputs": entry["outputs"], "meta": entry["meta"]}
    assert compared(found) == {key: compared(recorded[key]) for key in found}
    errors = [content for event, content in entry["status"]["messages"] if event == "execution_error"]
    if "error" in recorded:
        told = {key: str(errors[0][key]).replace(str(comfyui.base), "/var/comfyui") for key in recorded["error"]}
        assert told == recorded["error"]
    for file in recorded["files"]:
        _check_file(comfyui, entry["outputs"][_node_of(recorded, file)], file)


_OUTCOME = frozenset({"status", "outputs", "meta", "node_errors", "files", "error"})


def _node_of(recorded: dict[str, Any], file: dict[str, Any]) -> str:
    return next(str(node) for node, ui in recorded["outputs"].items() if file["filename"] in str(ui))


def _check_file(comfyui: RunningComfyUi, ui: dict[str, Any], recorded: dict[str, Any]) -> None:
    items = [item for items in ui.values() for item in items if isinstance(item, dict)]
    found = next(item for item in items if compared(item["filename"]) == compared(recorded["filename"]))
    answer = comfyui.http.get("/view", params=found)
    assert (answer.status_code, answer.headers["content-type"]) == (200, recorded["content_type"])
