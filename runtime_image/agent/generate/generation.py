"""The third stage: the Web UI carries the request out."""

import json
from typing import Any, Final

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.events import CheckpointLoaded, Event, InterruptSent, OptionsPinned, TaskGenerated
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from runtime_image.webui.answer_info import check_sampler
from runtime_image.webui.checkpoints import Checkpoints
from runtime_image.webui.client import Answer, WebUiClient
from runtime_image.webui.error_mapping import refusal
from runtime_image.webui.errors import WebUiError, WebUiFailed, WebUiRefused
from runtime_image.webui.options import OptionOverrides
from runtime_image.webui.questions import ask
from runtime_image.webui.request import WebUiRequest

NOT_FOUND: Final = 404
INTERNAL_ERROR: Final = 500
#: Seconds past the task's time limit for which its answer is still awaited: the loop interrupts at the limit, and
#: what is interrupted answers after its running step.
ANSWER_GRACE_SECONDS: Final = 60.0


class Generation:
    """Calls the Web UI for a task, in a worker's thread."""

    def __init__(
        self, *, client: WebUiClient, checkpoints: Checkpoints, options: OptionOverrides, clock: Clock, log: EventLog
    ) -> None:
        self._client = client
        self._checkpoints = checkpoints
        self._options = options
        self._clock = clock
        self._log = log

    def run(self, task: ClaimedTask, request: WebUiRequest) -> Event:
        """Send the request and wait for its answer."""
        self._options.restore()
        if request.leaves_options:
            self._options.override(request.left_options)
        answer = self._answer(task, request)
        if request.exclusive:
            self._checkpoints.forget()
        if answer.status >= 300:  # noqa: PLR2004 - HTTP's own classes
            raise self._error_of(request, answer)
        value = _parse(answer.body)
        if request.generates:
            self._checkpoints.check_answer(task.task_message.checkpoint, value)
            check_sampler(request.sampler_name, value)
        return TaskGenerated(task, value)

    def load_checkpoint(self, task: ClaimedTask, name: str) -> Event:
        """Have the task's checkpoint loaded."""
        started_at = self._clock.monotonic()
        self._checkpoints.load(name)
        self._options.checkpoint_was_loaded()
        seconds = round(self._clock.monotonic() - started_at, 3)
        self._log.info("checkpoint_loaded", task_id=task.metadata.id, checkpoint=name, seconds=seconds)
        return CheckpointLoaded(task)

    def pin_options(self, task: ClaimedTask, keys: frozenset[str]) -> Event:
        """See to it that the Web UI sets these options back after every request."""
        self._options.pin(keys)
        self._log.info("options_guarded", task_id=task.metadata.id, options=sorted(keys))
        return OptionsPinned(task)

    def interrupt(self, task: ClaimedTask) -> Event:
        """Interrupt what the Web UI runs now."""
        try:
            ask(self._client, "POST", "/sdapi/v1/interrupt", b"")
        except WebUiFailed as error:
            self._log.warning("interrupt_failed", task_id=task.metadata.id, reason=error.message)
            return InterruptSent(task, is_accepted=False)
        return InterruptSent(task)

    def _error_of(self, request: WebUiRequest, answer: Answer) -> WebUiError:
        error = refusal(answer)
        if isinstance(error, WebUiRefused) and answer.status == INTERNAL_ERROR and not self._options.can_be_read():
            # Somebody gave an option a wrong type: now every request fails as if it were the request's own fault.
            return WebUiFailed(f"{error.message}; and it cannot show its options any more", answer=error.answer)
        if isinstance(error, WebUiFailed) and request.only_asks and answer.status in {NOT_FOUND, INTERNAL_ERROR}:
            # The machine is as good as before, and any other of this build would answer the same.
            return WebUiRefused(error.message, answer=error.answer)
        return error

    def _answer(self, task: ClaimedTask, request: WebUiRequest) -> Answer:
        timeout_seconds = max(task.deadline - self._clock.monotonic(), 0.0) + ANSWER_GRACE_SECONDS
        answer = self._client.call(request.method, request.path, request.body, timeout_seconds=timeout_seconds)
        if request.leaves_options:
            try:
                self._options.restore()
            except WebUiFailed as error:
                # The pictures exist; the next request tries it again before anything else.
                self._log.warning("options_not_settled", task_id=task.metadata.id, reason=error.message)
        return answer


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WebUiFailed("the Web UI's answer is not JSON") from error
