"""The example requests of the users' documents, read from the documents themselves, so that they cannot drift."""

import json
from pathlib import Path
from typing import Any, Final

_DOCS: Final = Path(__file__).parents[2] / "docs"
#: Documents whose requests run on an SD Web UI runtime.
DOCUMENTS: Final = ("text-to-image", "image-to-image")
FORMATS: Final = ("v1alpha2", "v1alpha1")


def documented_request(document: str, format_: str) -> dict[str, Any]:
    """Return the example request of a document in one format, as it is printed."""
    text = (_DOCS / "how-to" / f"{document}.md").read_text()
    section = text.partition("## Request Format\n")[2].partition(f"\n### {format_}\n")[2].partition("\n#")[0]
    block = section.partition("```json")[2].partition("```")[0]
    if not block:
        raise ValueError(f"{document}.md has no request of format {format_}")
    request: dict[str, Any] = json.loads(block)
    return request


def documented_workflow() -> dict[str, Any]:
    """Return the documented request with a workflow of ComfyUI, which is that of the system before this one."""
    request: dict[str, Any] = json.loads((_DOCS / "examples" / "pipeline.json").read_text())
    return request


def with_input_picture(request: dict[str, Any], link: str) -> dict[str, Any]:
    """Return an image-to-image request whose input picture is at `link` instead of on the internet."""
    if "task" in request:
        task = request["task"]
        return {"task": {**task, "content": {**task["content"], "init_images": [link]}}}
    return {**request, "alwayson_scripts": {**request["alwayson_scripts"], "image_link": link}}
