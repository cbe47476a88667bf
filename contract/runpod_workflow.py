"""RunPod form of a workflow, that of worker-comfyui: a graph, and its input files by name."""

from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from contract.errors import FieldError, InvalidJson
from contract.findings import Findings
from contract.json_values import describe, parse_json
from contract.unknown_keys import refuse_misspelt

_WORKFLOW: Final = "workflow"
_IMAGES: Final = "images"
_API_KEY: Final = "comfy_org_api_key"
_KEYS: Final = (_WORKFLOW, _IMAGES, _API_KEY)
#: Path of a field of the input next to the graph, whose own path is `task.content`.
_INPUT: Final = "task.input"
#: Beginnings of an image that is no bare base64.
_SCHEMES: Final = ("data:", "https://", "http://", "s3://")


def is_workflow(content: object) -> TypeGuard[Mapping[str, Any]]:
    """Return True if the input of a job is one of worker-comfyui."""
    return isinstance(content, Mapping) and not {_WORKFLOW, _IMAGES}.isdisjoint(content) and "api" not in content


def parsed_input(content: object) -> object:
    """Return the input of a job, which may be JSON text. Another text stays as it is, for the check to name."""
    if not isinstance(content, str):
        return content
    try:
        return parse_json(content)
    except InvalidJson:
        return content


def graph_of(content: Mapping[str, Any], found: Findings) -> object:
    """Return the graph with each file in place of its name."""
    moved, errors = found.moved, found.errors
    moved["task.content"] = f"task.content.{_WORKFLOW}"
    moved[_INPUT] = "task.content"
    found.unknown.extend(refuse_misspelt(content, _KEYS, _INPUT, errors, owner="the input of a workflow"))
    if _WORKFLOW not in content:
        errors.append(FieldError("task.content", "Missing 'workflow' parameter"))
    if content.get(_API_KEY):
        message = "is not used, because runtimes have no API nodes; leave it out"
        errors.append(FieldError(f"{_INPUT}.{_API_KEY}", message))
    graph = content.get(_WORKFLOW)
    files = _files(content.get(_IMAGES), errors)
    return _with_files(graph, files, moved) if isinstance(graph, dict) and files else graph


def _with_files(graph: Mapping[str, Any], files: Mapping[str, tuple[str, str]], moved: dict[str, str]) -> object:
    """Return the graph with the content of each file in the place of its name."""

    def filled(value: object, field: str) -> object:
        found = files.get(value) if isinstance(value, str) else None
        if found is None:
            return value
        content, moved[field] = found
        return content

    nodes: dict[str, object] = {}
    for node_id, node in graph.items():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        nodes[node_id] = node
        if isinstance(inputs, dict):
            path = f"task.content.{node_id}.inputs"
            nodes[node_id] = node | {
                "inputs": {name: filled(value, f"{path}.{name}") for name, value in inputs.items()}
            }
    return nodes


def _files(images: object, errors: list[FieldError]) -> dict[str, tuple[str, str]]:
    """Return the content and the path of each file by its name."""
    files: dict[str, tuple[str, str]] = {}
    if images is None:
        return files
    field = f"{_INPUT}.{_IMAGES}"
    shape = "'images' must be a list of objects with 'name' and 'image' keys"
    if not isinstance(images, list):
        errors.append(FieldError(field, f"{shape}, not {describe(images)}"))
        return files
    for index, image in enumerate(images):
        match image:
            case {"name": str(name), "image": str(text)} if name and text:
                if name in files:
                    errors.append(FieldError(f"{field}[{index}].name", f"is {name[:80]!r}, as an earlier one is"))
                content = text if text.startswith(_SCHEMES) else f"data:application/octet-stream;base64,{text}"
                files[name] = content, f"task.content.{_IMAGES}[{index}].image"
            case _:
                errors.append(FieldError(f"{field}[{index}]", f"is not such an object: {shape}"))
    return files
