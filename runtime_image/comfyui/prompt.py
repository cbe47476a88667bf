"""One prompt at ComfyUI, as its messages show it: whether it has begun, its nodes, its steps and its preview."""

import threading
from collections.abc import Mapping
from typing import Any, Final

from contract.pipeline.graph import link_of, nodes_of
from contract.pipeline.node_list import ListedNode, NodeList

#: A node with more steps than this shows its progress step by step.
_ONE_STEP: Final = 1
_NO_NODE: Final = ListedNode()


class Prompt:
    """Written by the thread of the websocket, read by the others. Each write replaces whole values."""

    def __init__(self, *, prompt_id: str, call: object, graph: Mapping[str, Any], nodes: NodeList) -> None:
        self.prompt_id = prompt_id
        self.call = call
        self._graph = graph
        #: Set whenever ComfyUI's history or queue should be asked about the prompt.
        self.news = threading.Event()
        #: ComfyUI has begun with it, and has ended it.
        self.has_begun = self.has_ended = False
        #: Node that runs, and its step and steps.
        self.node: str | None = None
        self.step = self.steps = 0
        #: The newest preview, and the number of messages about the prompt.
        self.preview: bytes | None = None
        self.messages = 0
        self._needed = _needed_nodes(graph, nodes)
        self._cached: frozenset[str] = frozenset()
        self._finished: frozenset[str] = frozenset()

    def receive(self, kind: str, data: Mapping[str, Any]) -> None:
        """Record one message about the prompt."""
        self.messages += 1
        match kind:
            case "execution_start":
                self.has_begun = True
            case "execution_cached":
                self._cached = frozenset(map(str, data.get("nodes") or ()))
            case "progress_state":
                states = data.get("nodes") or {}
                self._finished = frozenset(node for node, state in states.items() if state.get("state") == "finished")
            case "executing" if data.get("node") is None:
                # The history has its end from now on.
                self.node, self.has_ended = None, True
                self.news.set()
            case "executing":
                self.node, self.step, self.steps = str(data["node"]), 0, 0
            case "progress":
                self.step, self.steps = (max(int(data.get(name) or 0), 0) for name in ("value", "max"))

    @property
    def is_running(self) -> bool:
        """ComfyUI works on it."""
        return self.has_begun and not self.has_ended

    @property
    def is_stepping(self) -> bool:
        """The running node shows its progress step by step."""
        return self.steps > _ONE_STEP and self.step < self.steps

    def fraction(self) -> float:
        """Return the part that is done, 0 to 1."""
        done, total = self._counts()
        share = self.step / self.steps if self.is_stepping else 0.0
        return min((done + share) / total, 1.0) if total else 0.0

    def sampling(self) -> dict[str, int | str]:
        """Return the known values of the record's `sampling`."""
        done, total = self._counts()
        known: dict[str, int | str] = {"nodes_done": done, "nodes_total": total}
        node = self.node
        if node is not None:
            known |= {"node": node, "class_type": str(self._graph.get(node, {}).get("class_type", ""))}
        return known | ({"sampling_step": self.step, "sampling_steps": self.steps} if self.is_stepping else {})

    def _counts(self) -> tuple[int, int]:
        """Return how many nodes are done, and how many there are, without those of the cache."""
        needed = self._needed - self._cached
        return len(needed & self._finished), len(needed)


def _needed_nodes(graph: Mapping[str, Any], nodes: NodeList) -> frozenset[str]:
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
