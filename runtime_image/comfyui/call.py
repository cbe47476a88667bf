"""Call that carries a task out: a prompt is sent to ComfyUI, awaited, and cancelled by its id."""

import json
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from runtime_image.comfyui.error_mapping import execution_error, refusal, submission_error
from runtime_image.comfyui.errors import (
    ComfyUiEnded,
    ComfyUiError,
    ComfyUiFailed,
    ComfyUiNotReached,
    ComfyUiUnreachable,
)
from runtime_image.comfyui.outputs import read_outputs
from runtime_image.comfyui.prompt import Prompt
from runtime_image.process.engine import EngineUnreachable, ModelReference, Outputs, UnclearFailure

if TYPE_CHECKING:
    from runtime_image.comfyui.engine import ComfyUiEngine

#: Seconds between two questions about a prompt while no message asks for one.
POLL_SECONDS: Final = 1.5
_OK: Final = 200
_SUCCESS: Final = "success"


class ComfyUiCall:
    """One workflow with the folder of its task."""

    takes_lock = True
    is_exclusive = False
    is_identified = True

    def __init__(
        self,
        engine: "ComfyUiEngine",
        *,
        graph: Mapping[str, Any],
        original: Mapping[str, Any],
        folder: str,
        models: Collection[ModelReference],
        extra_data: Mapping[str, Any],
    ) -> None:
        self._engine = engine
        self._graph = graph
        self._original = original
        self._folder = folder
        self._models = frozenset(models)
        self._extra_data = extra_data
        self._lock = threading.Lock()
        self._prompt: Prompt | None = None
        self._is_sent = self._is_interrupted = self._is_running = self._is_closed = False

    @property
    def generates(self) -> bool:
        """The running node shows its progress step by step."""
        prompt = self._prompt
        return prompt is not None and prompt.is_stepping

    def has_model(self) -> bool:
        """Return True if its models are among those of the last workflow."""
        return self._models <= self._engine.last_models

    def is_set_up(self) -> bool:
        """Return True, because a workflow loads its models itself."""
        return True

    def set_up(self) -> Mapping[str, object]:
        """Do nothing."""
        return {}

    def run(self, *, timeout_seconds: float) -> object:
        """Send the workflow, and return its entry of the history once it has ended.

        Raises:
            ComfyUiNotReached: if ComfyUI has not begun with it and never will.
            ComfyUiError: if ComfyUI refuses or fails it.
        """
        prompt = Prompt(prompt_id=str(uuid4()), call=self, graph=self._graph, nodes=self._engine.nodes)
        with self._lock:
            self._prompt, self._is_running, self._is_sent = prompt, True, False
        self._engine.feed.add(prompt)
        try:
            entry = self._carry_out(prompt, timeout_seconds)
        except EngineUnreachable:
            # Once it is reachable, the agent cancels what it does not know.
            raise
        except ComfyUiFailed:
            # The prompt may still be in the queue, and the next attempt would wait behind it.
            with suppress(ComfyUiFailed):
                self._engine.client.cancel(prompt.prompt_id)
            raise
        finally:
            self._engine.feed.remove(prompt)
            with self._lock:
                self._is_running = False
                is_closed = self._is_closed
            if is_closed:
                self._engine.folders.delete(self._folder)
        self._engine.last_models = self._models
        return entry

    def on_trial(self, failure: UnclearFailure) -> None:
        """Return None."""

    def interrupt(self) -> None:
        """Cancel the prompt, whether it runs or waits; raises ComfyUiFailed."""
        with self._lock:
            self._is_interrupted = True
            if not self._is_sent or self._prompt is None:
                # The thread that sends it cancels it.
                return
            prompt = self._prompt
        self._engine.client.cancel(prompt.prompt_id)
        # ComfyUI sends no message about a prompt that leaves its queue unseen.
        prompt.news.set()

    def read_outputs(self, answer: object) -> Outputs:
        """Return the files that the workflow made; raises TooManyOutputs or ComfyUiFailed."""
        prompt = self._prompt
        try:
            return read_outputs(
                answer if isinstance(answer, dict) else {},
                prompt_id=prompt.prompt_id if prompt else "",
                graph=self._original,
                folder=self._folder,
                folders=self._engine.folders,
            )
        except ComfyUiFailed:
            # Its cache has named files that are gone, and would do so again.
            self._engine.drop_results()
            raise

    def close(self) -> None:
        """Delete the task's files, at the latest when ComfyUI no longer writes them."""
        with self._lock:
            self._is_closed = True
            if self._is_running:
                return
        self._engine.folders.delete(self._folder)

    def _carry_out(self, prompt: Prompt, timeout_seconds: float) -> dict[str, Any]:
        if self._is_interrupted:
            return {}
        refused = self._submit(prompt)
        with self._lock:
            self._is_sent = True
            must_cancel = self._is_interrupted or refused is not None
        if must_cancel:
            self._engine.client.cancel(prompt.prompt_id)
            prompt.news.set()
        entry = self._await_end(prompt, timeout_seconds)
        if refused is not None:
            raise refused
        return self._result(entry)

    def _submit(self, prompt: Prompt) -> ComfyUiError | None:
        """Send the prompt; return the error if ComfyUI carries out only a part of it."""
        body: dict[str, Any] = {
            "prompt": self._graph,
            "prompt_id": prompt.prompt_id,
            "client_id": self._engine.feed.client_id,
        }
        if self._extra_data:
            body["extra_data"] = self._extra_data
        response = self._engine.client.submit(body)
        if response.status != _OK:
            raise submission_error(response)
        try:
            accepted = json.loads(response.body)
        except ValueError as error:
            raise ComfyUiFailed("ComfyUI's answer to the workflow is not JSON") from error
        return refusal(response.status, accepted) if accepted.get("node_errors") else None

    def _await_end(self, prompt: Prompt, timeout_seconds: float) -> dict[str, Any]:
        """Return the prompt's entry of the history, an empty one if it was cancelled before it began."""
        clock, client = self._engine.clock, self._engine.client
        ends_at = clock.monotonic() + timeout_seconds
        while clock.monotonic() < ends_at:
            prompt.news.wait(POLL_SECONDS)
            prompt.news.clear()
            try:
                entry = client.history(prompt.prompt_id) or self._queued_or_ended(prompt)
            except ComfyUiNotReached as error:
                raise self._lost(prompt, error.message) from error
            except ComfyUiUnreachable:
                # It may be busy. The next question shows whether it has ended.
                continue
            if entry is not None:
                # ComfyUI forgets old entries by itself, so a failure costs nothing.
                with suppress(ComfyUiFailed):
                    client.forget(prompt.prompt_id)
                return entry
        raise ComfyUiUnreachable("ComfyUI did not end the workflow in time")

    def _queued_or_ended(self, prompt: Prompt) -> dict[str, Any] | None:
        """Return None while the prompt is in the queue, otherwise its entry; raises ComfyUiNotReached if it is lost."""
        client = self._engine.client
        running, waiting = client.queue()
        if prompt.prompt_id in running:
            prompt.has_begun = True
        if prompt.prompt_id in running or prompt.prompt_id in waiting:
            return None
        # It may have moved from the queue to the history between the two questions.
        if entry := client.history(prompt.prompt_id):
            return entry
        if self._is_interrupted:
            # A prompt that is cancelled while it waits leaves no trace.
            return {}
        raise ComfyUiNotReached("it no longer knows the workflow")

    def _lost(self, prompt: Prompt, reason: str) -> ComfyUiFailed:
        if prompt.has_begun:
            if self._engine.folders.are_full():
                reason = f"its files took more than {self._engine.folders.max_bytes} bytes of the disk"
            return ComfyUiEnded(f"ComfyUI ended while it carried out the workflow: {reason}")
        return ComfyUiNotReached(f"ComfyUI ended before it began with the workflow: {reason}")

    def _result(self, entry: dict[str, Any]) -> dict[str, Any]:
        status = entry.get("status") or {}
        if not entry or status.get("status_str") == _SUCCESS:
            return {key: entry[key] for key in ("outputs", "status") if key in entry}
        messages = status.get("messages") or []
        for kind, data in reversed(messages):
            if kind == "execution_error":
                raise execution_error(data)
        if self._is_interrupted:
            # The caller wants the files as they are.
            return {key: entry[key] for key in ("outputs", "status") if key in entry}
        raise ComfyUiFailed("ComfyUI interrupted the workflow, without a request for it")
