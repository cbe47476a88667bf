"""Recorded answers, runs and messages of ComfyUI 0.33.0, and the comparison with them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

RECORDED: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("recorded.json").read_text())
WORKFLOW: Final[dict[str, Any]] = RECORDED["workflow"]
#: Keys whose values are texts for people, or differ from run to run. The recordings leave them out.
_NOT_COMPARED: Final = frozenset(
    {
        "tooltip",
        "traceback",
        "description",
        "search_aliases",
        "essentials_category",
        "output_tooltips",
        "prompt_id",
        "timestamp",
    }
)
#: Parts of file names that depend on the runs before and on the day.
_COUNTER: Final = re.compile(r"_\d{5}(?=[_.])")
_RANDOM: Final = re.compile(r"_temp_[a-z0-9]+_")
_DAY: Final = re.compile(r"20\d{6}")


def changed(graph: Any, change: Any) -> Any:
    """Return a graph after a JSON merge patch (RFC 7386)."""
    if not isinstance(change, dict):
        return change
    base = graph if isinstance(graph, dict) else {}
    kept = {key: value for key, value in base.items() if key not in change}
    return kept | {key: changed(base.get(key), value) for key, value in change.items() if value is not None}


def body_of(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a recorded request; a `change` is one to the workflow of all recordings."""
    body = dict(recorded)
    if "change" in body:
        body["prompt"] = changed(WORKFLOW, body.pop("change"))
    return body


def compared(value: Any) -> Any:
    """Return what is compared of an answer."""
    if isinstance(value, dict):
        return {key: compared(item) for key, item in value.items() if key not in _NOT_COMPARED}
    if isinstance(value, list):
        return [compared(item) for item in value]
    if isinstance(value, str):
        return _DAY.sub("20######", _RANDOM.sub("_temp_#_", _COUNTER.sub("_#####", value)))
    return value
