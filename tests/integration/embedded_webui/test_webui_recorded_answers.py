"""Requests that were recorded against SD Web UI v1.10.1, with the status, the keys and the types that it answered.

`recorded_answers.json` holds them: a shape is a type name, several with `|`, `[shape]` or `{key: shape}`; a key with
`?` may be missing.
"""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

RECORDED = json.loads(Path(__file__).with_name("recorded_answers.json").read_text(encoding="utf-8"))
ANSWERS = {answer["name"]: answer for answer in RECORDED["answers"]}

#: Keys whose type differs: the models folder is always given here; an option that was set before, as some tests do, is
#: a fraction in the Web UI too.
OTHER_TYPES = {"get_cmd_flags": {"models_dir": "str"}, "get_options": {"CLIP_stop_at_last_layers": "float|int"}}

pytestmark = pytest.mark.xdist_group("embedded_webui")


@pytest.fixture
def checkpoint(web_ui: httpx.Client) -> dict[str, Any]:
    """The checkpoint that runs when the tests begin; its hash is known because it is loaded."""
    assert web_ui.post("/options", json={"sd_model_checkpoint": "tiny-a"}).status_code == 200
    return next(entry for entry in web_ui.get("/sd-models").json() if entry["model_name"] == "tiny-a")


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
    if "keys_by_type" in recorded:
        types = {key: json.loads(shape) for shape, keys in recorded["keys_by_type"].items() for key in keys}
        assert _mismatches(body, types | OTHER_TYPES[name]) == []
    if "shape" in recorded:
        expected = recorded["shape"]
        assert _mismatches(body, expected | OTHER_TYPES[name] if name in OTHER_TYPES else expected) == []
    if "answer" in recorded:
        body["info"] = json.loads(body["info"])
        assert _mismatches(body, _shape(recorded)) == []
    if "pictures" in recorded:
        assert len(body["images"]) == recorded["pictures"]
    if "html_info" in recorded:
        assert body["html_info"] == recorded["html_info"]
    if "infotexts" in recorded:
        assert body["info"]["infotexts"] == [_filled(text, checkpoint) for text in recorded["infotexts"]]


def _send(web_ui: httpx.Client, recorded: dict[str, Any], checkpoint: dict[str, Any]) -> httpx.Response:
    url = f"{str(web_ui.base_url).removesuffix('/sdapi/v1/')}{recorded['path']}"
    if "raw" in recorded:
        headers = {"content-type": "application/json"}
        return web_ui.request(recorded["method"], url, content=recorded["raw"], headers=headers)
    if "json" not in recorded:
        return web_ui.request(recorded["method"], url)
    return web_ui.request(recorded["method"], url, json=json.loads(_filled(json.dumps(recorded["json"]), checkpoint)))


def _filled(text: str, checkpoint: dict[str, Any]) -> str:
    """Put the running checkpoint's names in for those of the recorded one."""
    for mark, value in (("short_hash", checkpoint["hash"]), ("title", checkpoint["title"]), ("model_name", "tiny-a")):
        text = text.replace(f"{{{mark}}}", value)
    return text


def _shape(recorded: dict[str, Any]) -> dict[str, Any]:
    shape: dict[str, Any] = json.loads(json.dumps(RECORDED["shapes"][recorded["answer"]]))
    for place, other in recorded.get("other_types", {}).items():
        part, key = place.split(".")
        shape[part][key] = other
        if other is None:
            del shape[part][key]
    return shape


def _mismatches(value: Any, shape: Any, place: str = "") -> list[str]:
    """Return where `value` has another type, a key too many or a key too few. An empty list has any shape of list."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{place}: {value!r} is no object"]
        keys = {key.removesuffix("?") for key in shape}
        problems = [f"{place}.{key}: not in the recording" for key in value.keys() - keys]
        problems += [f"{place}.{key}: missing" for key in shape if not key.endswith("?") and key not in value]
        for key, inner in shape.items():
            if (plain := key.removesuffix("?")) in value:
                problems += _mismatches(value[plain], inner, f"{place}.{plain}")
        return problems
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{place}: {value!r} is no list"]
        inner = shape[0] if shape else None
        return [problem for item in value if inner for problem in _mismatches(item, inner, f"{place}[]")]
    kinds = shape.split("|")
    if isinstance(value, list) and any(kind.startswith("[") for kind in kinds):
        return []
    kind = {type(None): "null"}.get(type(value), type(value).__name__)
    return [] if kind in kinds else [f"{place}: {value!r} is {kind}, not {shape}"]
