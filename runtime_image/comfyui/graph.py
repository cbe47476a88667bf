"""Workflow as ComfyUI gets it: names of input files and prefixes of output files become the task's own."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

#: Name of the inputs that begin the names of output files.
_PREFIX_INPUT: Final = "filename_prefix"


def links_of(node: object) -> Iterator[str]:
    """Yield the nodes whose results a node takes."""
    inputs = node.get("inputs") if isinstance(node, dict) else None
    for value in inputs.values() if isinstance(inputs, dict) else ():
        match value:
            case [str(source), int()]:
                yield source


def needed_nodes(graph: Mapping[str, Any], output_classes: Collection[str]) -> frozenset[str]:
    """Return the nodes that outputs need; all of them if no class is known to be an output."""
    outputs = [
        node_id
        for node_id, node in graph.items()
        if isinstance(node, dict) and node.get("class_type") in output_classes
    ]
    if not outputs:
        return frozenset(graph)
    needed: set[str] = set()
    while outputs:
        node_id = outputs.pop()
        if node_id not in needed and node_id in graph:
            needed.add(node_id)
            outputs += links_of(graph[node_id])
    return frozenset(needed)


def with_own_names(graph: Mapping[str, Any], *, folder: str, files: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Return the graph with a folder before each literal prefix, and with the names of its input files.

    ComfyUI's cache otherwise answers an equal workflow with the names of an earlier task's files.

    Args:
        graph: The graph as the sender wrote it.
        folder: The task's folder below ComfyUI's folders.
        files: Names of input files by node and input.
    """
    renamed: dict[str, Any] = {}
    for node_id, node in graph.items():
        inputs = dict(node["inputs"])
        if isinstance(prefix := inputs.get(_PREFIX_INPUT), str):
            inputs[_PREFIX_INPUT] = f"{folder}/{prefix}"
        inputs |= {name: files[node_id, name] for name in inputs if (node_id, name) in files}
        renamed[node_id] = node | {"inputs": inputs}
    return renamed
