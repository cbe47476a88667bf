"""RunPod form of a workflow, that of worker-comfyui: a graph, and its input files by name."""

from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from contract.errors import FieldError, InvalidJson, InvalidTask, MessageTooLarge
from contract.findings import Findings
from contract.json_values import describe, parse_json, size_bytes
from contract.pipeline.graph import COMFY_KEY, EXTRA_DATA, RUNPOD_COMFY_KEY
from contract.pipeline.graph_inputs import begins_as_data, possible_file_inputs, without_mark
from contract.pipeline.node_list import core_nodes
from contract.storage import MAX_MESSAGE_BYTES
from contract.unknown_keys import refuse_misspelt
from contract.webui_values import begins_as_link

_WORKFLOW: Final = "workflow"
_IMAGES: Final = "images"
_KEYS: Final = (_WORKFLOW, _IMAGES, RUNPOD_COMFY_KEY)
#: Path of a field of the input next to the graph, whose own path is `task.content`.
_INPUT: Final = "task.input"
#: Bytes of the paths of the inputs that the images fill, because the record of a task keeps them all.
MAX_MOVED_BYTES: Final = 64 * 1024


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
    if content.get(_WORKFLOW) is None:
        errors.append(FieldError("task.content", "Missing 'workflow' parameter"))
    graph = content.get(_WORKFLOW)
    files = _files(content.get(_IMAGES), errors)
    if not isinstance(graph, dict):
        return graph
    filled = _with_files(graph, files, moved) if files else graph
    if content.get(RUNPOD_COMFY_KEY):
        moved[f"task.content.{EXTRA_DATA}.{COMFY_KEY}"] = f"task.content.{RUNPOD_COMFY_KEY}"
        return filled | {EXTRA_DATA: {COMFY_KEY: content[RUNPOD_COMFY_KEY]}}
    return filled


def _with_files(graph: dict[str, Any], files: Mapping[str, tuple[str, str]], moved: dict[str, str]) -> dict[str, Any]:
    """Return the graph with the content of each file in the inputs that read it by its name.

    Raises:
        InvalidTask: more inputs read the files than a record can hold.
        MessageTooLarge: many nodes read large files, so that the graph would take gigabytes.
    """
    size = moved_bytes = 0
    inputs: dict[str, dict[str, Any]] = {}
    for given in possible_file_inputs(graph, core_nodes()):
        if isinstance(given.value, str) and given.value in files:
            content, field = files[given.value]
            moved[given.path()] = field
            moved_bytes += size_bytes(given.path()) + len(field)
            if moved_bytes > MAX_MOVED_BYTES:
                message = f"the paths of their inputs take over {MAX_MOVED_BYTES} bytes; write a smaller workflow"
                raise InvalidTask([FieldError("input.images", message, "limit_exceeded")])
            size += len(content)
            if size > MAX_MESSAGE_BYTES:
                raise MessageTooLarge(
                    f"the images take more than {MAX_MESSAGE_BYTES} bytes, counted once for each node that reads them:"
                    " pass links to pictures instead of base64"
                )
            inputs.setdefault(given.node_id, {})[given.name] = content
    nodes = {key: graph[key] | {"inputs": graph[key]["inputs"] | changed} for key, changed in inputs.items()}
    return graph | nodes


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
            case {"name": str(given), "image": str(text)} if given and text:
                name = str(without_mark(given))
                if name in files:
                    errors.append(FieldError(f"{field}[{index}].name", f"is {name[:80]!r}, as an earlier one is"))
                is_bare = not (begins_as_link(text) or begins_as_data(text))
                content = f"data:application/octet-stream;base64,{text}" if is_bare else text
                files[name] = content, f"task.content.{_IMAGES}[{index}].image"
            case _:
                errors.append(FieldError(f"{field}[{index}]", f"is not such an object: {shape}"))
    return files
