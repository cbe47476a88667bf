"""Workflows of ComfyUI for tests."""

from typing import Any

from local.demo import documented_requests


def documented_pipeline(**metadata: Any) -> dict[str, Any]:
    """Return the documented request, which is that of the system before this one, with other metadata if given."""
    request = documented_requests.documented_workflow()
    request["task"]["metadata"] |= metadata
    return request


def documented_workflow() -> dict[str, Any]:
    """Return the workflow of the documented request."""
    workflow: dict[str, Any] = documented_pipeline()["task"]["content"]
    return workflow
