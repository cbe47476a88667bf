"""Graph of a workflow in ComfyUI's API format: its nodes, and the links and values of their inputs."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

#: Key of a pipeline's content next to the nodes, with a secret that ComfyUI gets apart from the workflow.
EXTRA_DATA: Final = "extra_data"
#: The only key below `extra_data`, the sender's key of comfy.org's services, and its name at RunPod's worker.
COMFY_KEY: Final = "api_key_comfy_org"
RUNPOD_COMFY_KEY: Final = "comfy_org_api_key"
#: Key of an object around a value. ComfyUI uses the value inside, because a bare list would mean a link.
_WRAPPED: Final = "__value__"
#: Items of a link: the id of a node, and the number of its output.
_LINK_ITEMS: Final = 2


class Link(NamedTuple):
    """Link of an input to the output of another node."""

    node: str
    slot: float

    @property
    def is_sound(self) -> bool:
        """Return True if the slot is a whole number from 0."""
        return isinstance(self.slot, int) and not isinstance(self.slot, bool) and self.slot >= 0


class Node(NamedTuple):
    """A node whose shape is sound."""

    id: str
    class_type: str
    inputs: Mapping[str, Any]


def has_extra_data(content: Mapping[str, Any]) -> bool:
    """Return True if `extra_data` of a pipeline's content is not a node."""
    extra = content.get(EXTRA_DATA)
    return EXTRA_DATA in content and not (isinstance(extra, dict) and "class_type" in extra)


def graph_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the graph, which ComfyUI gets as `prompt`."""
    return {key: node for key, node in content.items() if key != EXTRA_DATA or not has_extra_data(content)}


def nodes_of(content: Mapping[str, Any]) -> Iterator[Node]:
    """Yield the nodes of a pipeline's content whose shape is sound."""
    for node_id, node in graph_of(content).items():
        match node:
            case {"class_type": str(class_type), "inputs": dict(inputs)}:
                yield Node(node_id, class_type, inputs)


def link_of(value: object) -> Link | None:
    """Return the link that a value is, as ComfyUI decides it; None for a literal."""
    if isinstance(value, list) and len(value) == _LINK_ITEMS and isinstance(value[0], str):
        slot = value[1]
        return Link(value[0], slot) if isinstance(slot, int | float) else None
    return None


def literal_of(value: object) -> object:
    """Return the value that a node gets for an input that is no link."""
    return value[_WRAPPED] if isinstance(value, dict) and _WRAPPED in value else value


def with_literal(value: object, literal: object) -> object:
    """Return an input's value with another literal in it."""
    return value | {_WRAPPED: literal} if isinstance(value, dict) and _WRAPPED in value else literal


def prompt_of(content: Mapping[str, Any]) -> str | None:
    """Return the text that describes the result: of a node that `positive` links to, otherwise the first text."""
    nodes = {node.id: node for node in nodes_of(content)}
    linked = [link.node for node in nodes.values() if (link := link_of(node.inputs.get("positive")))]
    for node_id in (*linked, *nodes):
        for name in ("text", "prompt") if node_id in nodes else ():
            text = literal_of(nodes[node_id].inputs.get(name))
            if isinstance(text, str) and text.strip():
                return text
    return None


def matches(name: str, pattern: str) -> bool:
    """Return True if a name has the form of a pattern, in which `*` means any text and nothing else is special."""
    return fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))
