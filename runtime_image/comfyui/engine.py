"""ComfyUI as a generation engine: the agent's interface over its prompts, messages and folders."""

import base64
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contract.errors import FieldError, InvalidTask
from contract.pipeline.node_list import NodeList
from contract.pipeline.node_rules import NodeRules
from contract.routing import Limits
from contract.task import Task, TaskType
from runtime_image.comfyui.client import ComfyUiClient
from runtime_image.comfyui.draft import ComfyUiDraft
from runtime_image.comfyui.errors import ComfyUiFailed, ComfyUiHung, ComfyUiNotReached
from runtime_image.comfyui.folders import ComfyUiFolders
from runtime_image.comfyui.message_feed import MessageFeed
from runtime_image.process.clock import Clock
from runtime_image.process.engine import ModelReference, Progress
from runtime_image.process.logs import EventLog

#: Classes of nodes that the log names at most when they are not the listed ones.
MAX_CLASSES_LOGGED: Final = 20


@dataclass(kw_only=True, eq=False)
class ComfyUiEngine:
    """One ComfyUI, which no other program uses."""

    hung_error = ComfyUiHung

    client: ComfyUiClient
    feed: MessageFeed
    folders: ComfyUiFolders
    nodes: NodeList
    rules: NodeRules
    limits: Limits
    models_folder: Path
    ready_file: Path | None
    clock: Clock
    log: EventLog
    #: Models of the last workflow, which ComfyUI keeps in memory.
    last_models: frozenset[ModelReference] = field(default=frozenset(), init=False)
    _has_been_ready: bool = field(default=False, init=False)

    @property
    def loaded_model(self) -> str | None:
        """The first model of the last workflow."""
        return min((model.name for model in self.last_models), default=None)

    @property
    def loaded_models(self) -> Collection[ModelReference]:
        """Models of the last workflow."""
        return self.last_models

    def draft(self, task: Task, *, checkpoint: str | None) -> ComfyUiDraft:  # noqa: ARG002 - workflows name their models
        """Read a workflow; raises InvalidTask for any other task."""
        if task.metadata.tasktype is not TaskType.PIPELINE:
            message = "this runtime carries out workflows of ComfyUI (pipeline) only"
            raise InvalidTask([FieldError("task.metadata.tasktype", message)])
        return ComfyUiDraft(self, task)

    def is_named(self, folder: str) -> bool:  # noqa: ARG002 - workflows name the models of every folder
        """Return True, because an evicted model is fetched again."""
        return True

    def check_ready(self) -> None:
        """Cancel what an earlier agent has left. Raise ComfyUiFailed until ComfyUI answers and does nothing."""
        if self.ready_file is not None and not self.ready_file.exists():
            raise ComfyUiNotReached("the supervisor has not found ComfyUI ready")
        self.client.check_ready()
        running, waiting = self.client.queue()
        own = {prompt.prompt_id for prompt in self.feed.prompts()}
        for prompt_id in (*running, *waiting):
            if prompt_id not in own:
                self.client.cancel(prompt_id)
        if running or waiting:
            raise ComfyUiFailed("ComfyUI is busy")
        if not self._has_been_ready:
            # No task is claimed before the first time that ComfyUI is ready.
            self._has_been_ready = True
            self.folders.purge()
            self._compare_nodes()

    def read_progress(self, *, with_picture: bool = False) -> Progress:
        """Return the progress of the running prompt, as its messages show it."""
        now = self.clock.monotonic()
        prompt = self.feed.running()
        if prompt is None:
            return Progress(asked_at=now, fraction=0.0, interrupted=False, busy=False)
        picture, prompt.preview = (prompt.preview, None) if with_picture else (None, prompt.preview)
        return Progress(
            asked_at=now,
            fraction=prompt.fraction(),
            interrupted=False,
            busy=True,
            position=(prompt.prompt_id, prompt.messages),
            has_stepped=prompt.step > 0,
            sampling=prompt.sampling(),
            call=prompt.call,
            picture=base64.b64encode(picture).decode("ascii") if picture else None,
        )

    def forget(self) -> None:
        """Forget the loaded models, because ComfyUI may have been restarted."""
        self.last_models = frozenset()

    def drop_results(self) -> None:
        """Make ComfyUI carry out every node of the next workflow."""
        with suppress(ComfyUiFailed):
            self.client.drop_results()

    def _compare_nodes(self) -> None:
        """Log the classes that only the node list has, and those that only ComfyUI has."""
        try:
            present = self.client.node_classes()
        except ComfyUiFailed as error:
            self.log.warning("node_list_not_compared", reason=error.message)
            return
        listed = self.nodes.nodes
        # ComfyUI loads those that call services only for runtimes that allow them.
        expected = {name for name, node in listed.items() if self.rules.api_nodes or not node.api_node}
        absent, unlisted = sorted(expected - present), sorted(present - listed.keys())
        if absent or unlisted:
            self.log.warning(
                "node_list_differs",
                absent=absent[:MAX_CLASSES_LOGGED],
                absent_count=len(absent),
                unlisted=unlisted[:MAX_CLASSES_LOGGED],
                unlisted_count=len(unlisted),
            )
