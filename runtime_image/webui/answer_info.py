"""What a generation says of itself: the `info` of its answer, which names the model and the sampler that ran."""

import json
from collections.abc import Mapping
from typing import Any

from runtime_image.webui.errors import OtherSampler


def info_of(answer: object) -> Mapping[str, Any]:
    """Return the info of an answer, empty if it has none that can be read."""
    try:
        info = json.loads(answer.get("info") or "null") if isinstance(answer, dict) else None
    except (TypeError, ValueError, RecursionError):
        return {}
    return info if isinstance(info, dict) else {}


def check_sampler(name: str | None, answer: object) -> None:
    """Raise OtherSampler if a generation says that another sampler than `name` made its pictures."""
    if name is None:
        return
    made_by = info_of(answer).get("sampler_name")
    if isinstance(made_by, str) and made_by and made_by != name:
        raise OtherSampler(f"the Web UI lists the sampler {name} but made the pictures with {made_by}")
