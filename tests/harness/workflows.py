"""Workflows of ComfyUI for tests."""

import json
from pathlib import Path
from typing import Any, Final

_DOCUMENTED: Final = Path(__file__).parents[2] / "docs" / "examples" / "pipeline.json"


def documented_pipeline(**metadata: Any) -> dict[str, Any]:
    """Return the documented request, which is that of the system before this one, with other metadata if given."""
    request: dict[str, Any] = json.loads(_DOCUMENTED.read_text())
    request["task"]["metadata"] |= metadata
    return request


def documented_workflow() -> dict[str, Any]:
    """Return the workflow of the documented request."""
    workflow: dict[str, Any] = documented_pipeline()["task"]["content"]
    return workflow
