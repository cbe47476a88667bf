"""Workflow as ComfyUI gets it: names of input files and prefixes of output files become the task's own."""

from collections.abc import Mapping
from typing import Any, Final

from contract.pipeline.graph import graph_of, link_of, literal_of, nodes_of, with_literal
from contract.pipeline.node_list import ListedNode, NodeList

#: Name of the inputs that begin the names of output files.
_PREFIX_INPUT: Final = "filename_prefix"
_NO_NODE: Final = ListedNode()


def needed_nodes(graph: Mapping[str, Any], nodes: NodeList) -> frozenset[str]:
    """Return the nodes that outputs need."""
    known = {node.id: node for node in nodes_of(graph)}
    waiting = [node.id for node in known.values() if nodes.nodes.get(node.class_type, _NO_NODE).output_node]
    needed: set[str] = set()
    while waiting:
        node_id = waiting.pop()
        if node_id not in needed and node_id in known:
            needed.add(node_id)
            waiting += [link.node for value in known[node_id].inputs.values() if (link := link_of(value))]
    return frozenset(needed)


def with_own_names(content: Mapping[str, Any], *, folder: str, files: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """Return the graph with a folder before each literal prefix, and with the names of its input files.

    ComfyUI's cache otherwise answers an equal workflow with the names of an earlier task's files.

    Args:
        content: The content of the task, whose graph is sound.
        folder: The task's folder below ComfyUI's folders.
        files: Names of input files by node and input.
    """
    renamed: dict[str, Any] = {}
    for node_id, node in graph_of(content).items():
        inputs = dict(node["inputs"])
        prefix = literal_of(inputs.get(_PREFIX_INPUT))
        if isinstance(prefix, str):
            inputs[_PREFIX_INPUT] = with_literal(inputs[_PREFIX_INPUT], f"{folder}/{prefix}")
        own = {name: file for (owner, name), file in files.items() if owner == node_id}
        inputs |= {name: with_literal(inputs[name], file) for name, file in own.items()}
        renamed[node_id] = node | {"inputs": inputs}
    return renamed
