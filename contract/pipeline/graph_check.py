"""Check of a workflow before it reaches ComfyUI, which hides some mistakes and stops for good at others.

Edge and agent call it. Types, ranges and lists of choices are left to ComfyUI, whose answer names them.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from contract.errors import FieldError
from contract.json_values import MAX_DEPTH, describe, levels
from contract.pipeline.cycles import cycles
from contract.pipeline.graph import (
    COMFY_KEY,
    EXTRA_DATA,
    Node,
    graph_of,
    has_extra_data,
    link_of,
    literal_of,
    nodes_of,
)
from contract.pipeline.graph_inputs import embeddings
from contract.pipeline.node_list import NodeList
from contract.pipeline.node_rules import NodeRules
from contract.routing import Limits
from contract.suggestions import similar

MAX_NODES: Final = 1000
#: Characters of the id of a node, of a class and of the name of an input.
MAX_NAME: Final = 200
#: Names of the inputs that the limits of a runtime hold for.
_LIMITED: Final = ("width", "height", "batch_size", "steps", "length")
#: UTF-8 bytes of the beginning of a file's name.
MAX_PREFIX_BYTES: Final = 200
#: Unknown classes of a workflow that are compared with the known ones, because each comparison takes time.
MAX_COMPARED_CLASSES: Final = 10
#: Cycles that are searched, because a workflow may hold a hundred thousand.
MAX_CYCLES: Final = 20
#: Embeddings that the texts of a workflow may name. The replica looks for each in the model bucket.
MAX_EMBEDDINGS: Final = 50


def check_graph(
    content: Mapping[str, Any],
    *,
    nodes: NodeList | None,
    limits: Limits,
    rules: NodeRules,
    field: str = "task.content",
) -> list[FieldError]:
    """Return every mistake of a workflow, whose path is `field`; `nodes` is None if the runtime's are unknown."""
    graph = graph_of(content)
    errors = list(_check_extra_data(content, rules, field))
    if problem := _problem_of_format(graph):
        return [*errors, FieldError(field, problem)]
    for node_id, node in graph.items():
        errors += _check_shape(node_id, node, f"{field}.{node_id[:MAX_NAME]}")
    sound = {node.id: node for node in nodes_of(content)}
    for node in sound.values():
        path = f"{field}.{node.id[:MAX_NAME]}.inputs"
        errors += _check_links(node, graph, sound, nodes, path)
        errors += _check_limits(node, limits, path)
        errors += _check_file_name(node, path)
    for node_id, name, cycle in islice(cycles(sound), MAX_CYCLES):
        path = f"{field}.{node_id[:MAX_NAME]}.inputs.{name[:MAX_NAME]}"
        errors.append(FieldError(path, f"closes a cycle of nodes: {' → '.join(cycle)}"))
    if (named := sum(1 for _ in embeddings(content))) > MAX_EMBEDDINGS:
        message = f"names {named} embeddings; {MAX_EMBEDDINGS} are accepted"
        errors.append(FieldError(field, message, "limit_exceeded"))
    return errors + (_check_classes(sound, nodes, rules, field) if nodes else [])


def _problem_of_format(graph: Mapping[str, Any]) -> str | None:
    if isinstance(graph.get("nodes"), list) and "links" in graph:
        return "is in ComfyUI's save format; export it with Workflow > Export (API)"
    if not graph:
        return "has no nodes"
    if len(graph) > MAX_NODES:
        return f"has {len(graph)} nodes; {MAX_NODES} are accepted"
    for key in ("prompt", "workflow"):
        inner = graph.get(key)
        if isinstance(inner, dict) and "class_type" not in inner and any(nodes_of(inner)):
            return f"is the workflow itself; write the nodes without {key!r} around them"
    return None


def _check_extra_data(content: Mapping[str, Any], rules: NodeRules, field: str) -> Iterator[FieldError]:
    if not has_extra_data(content):
        return
    path, extra = f"{field}.{EXTRA_DATA}", content[EXTRA_DATA]
    if not isinstance(extra, dict):
        yield FieldError(path, f"must be an object with {COMFY_KEY}, not {describe(extra)}")
        return
    for key, value in extra.items():
        if key != COMFY_KEY:
            yield FieldError(f"{path}.{key[:MAX_NAME]}", f"cannot be given; {EXTRA_DATA} takes {COMFY_KEY} only")
        elif not isinstance(value, str):
            yield FieldError(f"{path}.{key}", f"must be a text, not {describe(value)}")
        elif not rules.api_nodes:
            message = "is a secret that this runtime does not need; leave it out, or use a runtime with apiNodes: true"
            yield FieldError(f"{path}.{key}", message, "node_not_allowed")


def _check_shape(node_id: str, node: object, path: str) -> Iterator[FieldError]:
    if not 0 < len(node_id) <= MAX_NAME or not node_id.isprintable():
        yield FieldError(path, f"a node's id has 1 to {MAX_NAME} printable characters")
    if not isinstance(node, dict):
        yield FieldError(path, f"must be a node, an object with class_type and inputs, not {describe(node)}")
        return
    name = node.get("class_type")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        yield FieldError(f"{path}.class_type", f"is required: the class of the node, a text, not {describe(name)}")
    inputs = node.get("inputs")
    if not isinstance(inputs, dict):
        message = f"is required: an object, {{}} for a node without inputs, not {describe(inputs)}"
        yield FieldError(f"{path}.inputs", message)
    else:
        for key, value in inputs.items():
            yield from _check_value(value, f"{path}.inputs.{key[:MAX_NAME]}")
    if not isinstance(node.get("_meta", {}), dict):
        yield FieldError(f"{path}._meta", f"must be an object, not {describe(node['_meta'])}")


def _check_value(value: object, path: str) -> Iterator[FieldError]:
    for depth, level in enumerate(levels(value)):
        if depth == MAX_DEPTH:
            yield FieldError(path, f"is nested more than {MAX_DEPTH} levels deep")
            return
        if any("\0" in text for text in level if isinstance(text, str)):
            yield FieldError(path, "has a NUL character in a text; leave it out")
            return


def _check_links(
    node: Node, graph: Mapping[str, Any], sound: Mapping[str, Node], nodes: NodeList | None, path: str
) -> Iterator[FieldError]:
    for name, value in node.inputs.items():
        link, place = link_of(value), f"{path}.{name[:MAX_NAME]}"
        if link is None:
            # ComfyUI unwraps a value after its own check of links. A link to no node then ends its worker.
            if link_of(literal_of(value)):
                yield FieldError(place, "wraps a list that ComfyUI reads as a link; write the link without __value__")
            continue
        source = sound.get(link.node)
        described = nodes.nodes.get(source.class_type) if source and nodes else None
        if link.node not in graph:
            yield FieldError(place, f"links to node {link.node[:MAX_NAME]!r}, which the workflow does not have")
        elif not link.is_sound:
            yield FieldError(place, f"links to output {link.slot!r}; write a whole number from 0")
        elif source and described and described.outputs is not None and link.slot >= described.outputs:
            message = (
                f"links to output {link.slot} of node {source.id!r}; {source.class_type} has {described.outputs},"
                " counted from 0"
            )
            yield FieldError(place, message)


def _check_limits(node: Node, limits: Limits, path: str) -> Iterator[FieldError]:
    for name, value in node.inputs.items():
        # An input that a choice brings is written below it: `resize_type.width`.
        limited = name.rpartition(".")[2]
        if limited not in _LIMITED:
            continue
        most, number = getattr(limits, limited), _number(literal_of(value))
        if number is not None and number > most:
            yield FieldError(
                f"{path}.{name[:MAX_NAME]}", f"is {number:g}; this runtime accepts {most} at most", "limit_exceeded"
            )


def _number(value: object) -> float | None:
    """Return the number that ComfyUI reads; it converts texts."""
    if not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return float("inf") if isinstance(value, int) else None


def _check_file_name(node: Node, path: str) -> Iterator[FieldError]:
    prefix = literal_of(node.inputs.get("filename_prefix"))
    if not isinstance(prefix, str):
        return
    parts = prefix.replace("\\", "/").split("/")
    if not parts[0] and len(parts) > 1:
        problem = "is an absolute path"
    elif ".." in parts:
        problem = "leaves the folder of the task by `..`"
    elif len(prefix.encode(errors="replace")) > MAX_PREFIX_BYTES:
        problem = f"has more than {MAX_PREFIX_BYTES} bytes"
    else:
        return
    yield FieldError(f"{path}.filename_prefix", f"{problem}; write a short name such as ComfyUI")


def _check_classes(sound: Mapping[str, Node], nodes: NodeList, rules: NodeRules, field: str) -> list[FieldError]:
    errors = []
    suggestions: dict[str, str] = {}
    is_known_whole, has_output = True, False
    for node in sound.values():
        path, name = f"{field}.{node.id[:MAX_NAME]}", node.class_type
        described = nodes.nodes.get(name)
        reason = rules.reason_against(name, is_api_node=bool(described and described.api_node))
        if reason:
            errors.append(FieldError(f"{path}.class_type", f"{name[:MAX_NAME]} {reason}", "node_not_allowed"))
        if described is None:
            is_known_whole = False
            if rules.names(name):
                # Only the image knows the custom nodes that it brings, and ComfyUI refuses those that it lacks.
                continue
            if name not in suggestions and len(suggestions) < MAX_COMPARED_CLASSES:
                suggestions[name] = _similar(name, nodes)
            message = f"the runtime's ComfyUI has no node {name[:MAX_NAME]!r}{suggestions.get(name, '')}"
            errors += [] if reason else [FieldError(f"{path}.class_type", message, "unknown_node")]
            continue
        has_output = has_output or described.output_node
        errors += [
            FieldError(f"{path}.inputs.{required}", f"is required by {name}")
            for required in described.required or ()
            if required not in node.inputs
        ]
    if sound and is_known_whole and not has_output:
        message = "has no node that stores a result, so ComfyUI would refuse it; add one such as SaveImage"
        errors.append(FieldError(field, message, "no_output_node"))
    return errors


def _similar(name: str, nodes: NodeList) -> str:
    found = similar(name, nodes.nodes)
    return f"; did you mean {' or '.join(map(repr, found))}?" if found else ""
