"""Execution of one prompt: its nodes in order, without those whose results are known, with a message for each step."""

import hashlib
import io
import json
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from PIL import Image

from embedded_comfyui.catalogue import NodeDefinition
from embedded_comfyui.clients import ClientConnections
from embedded_comfyui.engine import ImageEngine, PromptInterrupted
from embedded_comfyui.folders import ComfyFolders
from embedded_comfyui.node_functions import NODE_FUNCTIONS, NodeCall, NodeResult, version_of_inputs
from embedded_comfyui.prompt_queue import QueuedPrompt
from embedded_comfyui.validation import LINK_LENGTH

#: Results of nodes that are kept for later prompts.
_MAX_RESULTS: Final = 100
_PREVIEW_METHODS: Final = frozenset({"auto", "latent2rgb", "taesd"})
_PREVIEW_SIDE: Final = 512


@dataclass(frozen=True, kw_only=True)
class NodeRunner:
    """What all executions share.

    Args:
        has_previews: True to send previews of every prompt; others ask for them.
        is_interrupted: True while the running prompt must end.
        stub_bytes: Bytes of a video or a sound of the stub.
    """

    catalogue: Mapping[str, NodeDefinition]
    folders: ComfyFolders
    engine: ImageEngine
    clients: ClientConnections
    is_interrupted: Callable[[], bool]
    has_previews: bool
    stub_bytes: int
    results: OrderedDict[str, NodeResult] = field(default_factory=OrderedDict)

    def remember(self, signature: str, result: NodeResult) -> None:
        """Keep the result of a node for later prompts."""
        self.results[signature] = result
        if len(self.results) > _MAX_RESULTS:
            self.results.popitem(last=False)


class PromptExecution:
    """Runs one prompt in the worker's thread."""

    def __init__(self, prompt: QueuedPrompt, runner: NodeRunner) -> None:
        self._prompt, self._runner = prompt, runner
        self._client_id = prompt.extra_data.get("client_id")
        # ComfyUI reads the inputs of every node, needed or not. A node without any ends the thread here.
        self._inputs: dict[str, dict[str, Any]] = {node: prompt.graph[node]["inputs"] for node in prompt.graph}
        self._signatures: dict[str, str] = {}
        self._results: dict[str, NodeResult] = {}
        self._progress: dict[str, dict[str, Any]] = {}
        self._executed: list[str] = []
        self._messages: list[tuple[str, dict[str, Any]]] = []
        self._outputs: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        """Run the prompt and return its entry for the history. An error of a node is part of it."""
        self._message("execution_start", {})
        found: dict[str, None] = {}
        for output in self._prompt.outputs:
            self._add_needed(output, found)
        needed = list(found)
        for node in needed:
            if (known := self._runner.results.get(self._signature(node))) is not None:
                self._results[node] = known
        self._message("execution_cached", {"nodes": sorted(self._results)})
        for node in self._results:
            self._show_known(node)
        is_successful = all(self._run_node(node, needed) for node in needed if node not in self._results)
        if is_successful:
            self._message("execution_success", {})
        return {
            "prompt": self._prompt.listed(),
            "outputs": self._outputs,
            "status": {
                "status_str": "success" if is_successful else "error",
                "completed": is_successful,
                "messages": [list(message) for message in self._messages],
            },
            "meta": {node: self._place(node, "display_node", "parent_node") for node in self._outputs},
        }

    def _run_node(self, node: str, needed: list[str]) -> bool:
        """Run one node, and return False if the prompt ends with it."""
        kind = self._prompt.graph[node]["class_type"]
        about: dict[str, Any] = {"node_id": node, "node_type": kind, "executed": list(self._executed)}
        arguments: dict[str, Any] = {}
        try:
            self._check_interrupt()
            self._report(node, 0.0, 1.0)
            self._runner.clients.executing = (self._client_id, node)
            self._send("executing", {"node": node, "display_node": node})
            arguments |= self._arguments(node, kind)
            result = NODE_FUNCTIONS[kind](self._call(node), **arguments)
            self._check_interrupt()
        except PromptInterrupted:
            self._message("execution_interrupted", about, is_for_all=True)
            return False
        except Exception as error:  # noqa: BLE001 - a prompt fails with whatever its node raises
            self._message("execution_error", about | _described(error, arguments) | {"current_outputs": needed})
            return False
        self._results[node] = result
        self._runner.remember(self._signature(node), result)
        self._executed.append(node)
        self._show_output(node)
        state = self._progress[node]
        self._report(node, state["max"], state["max"], state="finished")
        return True

    def _add_needed(self, node: str, found: dict[str, None]) -> None:
        """Add a node behind those that it needs. One that several others need is visited once."""
        if node in found:
            return
        for value in self._inputs[node].values():
            if _is_link(value) and value[0] in self._inputs:
                self._add_needed(value[0], found)
        found[node] = None

    def _signature(self, node: str) -> str:
        """Return the digest of a node and of all that leads to it."""
        if node not in self._signatures:
            kind, inputs = self._prompt.graph[node]["class_type"], self._inputs[node]
            linked = {
                name: [self._signature(value[0]), value[1]] if _is_link(value) else value
                for name, value in inputs.items()
                if not _is_link(value) or value[0] in self._inputs
            }
            described = [kind, linked, version_of_inputs(kind, inputs, self._runner.folders)]
            self._signatures[node] = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
        return self._signatures[node]

    def _arguments(self, node: str, kind: str) -> dict[str, Any]:
        inputs = self._inputs[node]
        known = [name for name, *_ in self._runner.catalogue[kind].inputs() if name in inputs]
        return {
            name: self._results[value[0]].outputs[value[1]] if _is_link(value := inputs[name]) else value
            for name in known
        }

    def _call(self, node: str) -> NodeCall:
        return NodeCall(
            folders=self._runner.folders,
            engine=self._runner.engine,
            prompt=self._prompt.graph,
            extra_pnginfo=self._prompt.extra_data.get("extra_pnginfo"),
            on_step=lambda number, count, preview: self._step(node, number, count, preview),
            stub_bytes=self._runner.stub_bytes,
        )

    def _step(self, node: str, number: int, count: int, preview: Callable[[], Image.Image]) -> None:
        self._check_interrupt()
        self._report(node, number, count)
        method = self._prompt.extra_data.get("preview_method")
        frame = preview if self._runner.has_previews or method in _PREVIEW_METHODS else None
        is_first = self._runner.clients.has_preview_metadata(self._client_id)
        if frame and is_first:
            self._send_preview(node, frame)
        progress = {"value": number, "max": count, "prompt_id": self._prompt.prompt_id, "node": node}
        self._runner.clients.send("progress", progress, self._client_id)
        if frame and not is_first:
            self._send_preview(node, frame)

    def _send_preview(self, node: str, preview: Callable[[], Image.Image]) -> None:
        picture, content = preview(), io.BytesIO()
        scale = _PREVIEW_SIDE / max(picture.size)
        picture.resize((round(picture.width * scale), round(picture.height * scale))).save(content, "JPEG")
        metadata = self._place(node, "display_node_id", "parent_node_id") | {"prompt_id": self._prompt.prompt_id}
        self._runner.clients.send_preview(content.getvalue(), metadata, self._client_id)

    def _check_interrupt(self) -> None:
        if self._runner.is_interrupted():
            raise PromptInterrupted

    def _show_known(self, node: str) -> None:
        if self._results[node].ui:
            self._show_output(node)
            self._report(node, 1, 1, state="finished")

    def _show_output(self, node: str) -> None:
        if ui := self._results[node].ui:
            self._outputs[node] = ui
            self._send("executed", {"node": node, "display_node": node, "output": ui})

    def _report(self, node: str, value: float, maximum: float, *, state: str = "running") -> None:
        place = self._place(node, "display_node_id", "parent_node_id") | {"prompt_id": self._prompt.prompt_id}
        self._progress[node] = {"value": value, "max": maximum, "state": state, **place}
        content = {"prompt_id": self._prompt.prompt_id, "nodes": self._progress}
        self._runner.clients.send("progress_state", content, self._client_id)

    def _message(self, event: str, data: Mapping[str, Any], *, is_for_all: bool = False) -> None:
        content = {"prompt_id": self._prompt.prompt_id, **data, "timestamp": int(time.time() * 1000)}
        self._messages.append((event, content))
        if is_for_all:
            self._runner.clients.send(event, content)
        else:
            self._send(event, content)

    def _send(self, event: str, data: Mapping[str, Any]) -> None:
        if self._client_id is not None:
            self._runner.clients.send(event, {**data, "prompt_id": self._prompt.prompt_id}, self._client_id)

    @staticmethod
    def _place(node: str, display: str, parent: str) -> dict[str, Any]:
        return {"node_id": node, display: node, parent: None, "real_node_id": node}


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == LINK_LENGTH and isinstance(value[0], str)


def _described(error: Exception, arguments: Mapping[str, Any]) -> dict[str, Any]:
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    return {
        "exception_message": f"{error}\n",
        "exception_type": name,
        "traceback": traceback.format_tb(error.__traceback__),
        "current_inputs": {
            name: [value if isinstance(value, str | int | float) else str(value)] for name, value in arguments.items()
        },
    }
