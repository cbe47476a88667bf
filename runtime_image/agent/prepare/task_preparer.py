"""The second stage: names are checked, links become pictures, and the content becomes the Web UI's request."""

from typing import Any, Final

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.errors import TaskAborted
from runtime_image.agent.core.events import Event, TaskCarriedOut, TaskPrepared
from runtime_image.agent.prepare.inputs.link_resolver import LinkResolver
from runtime_image.agent.prepare.model_tools import ModelTools
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from runtime_image.webui.checkpoints import Checkpoints
from runtime_image.webui.errors import WebUiUnreachable
from runtime_image.webui.names.referenced import names_in
from runtime_image.webui.request import MODEL_CALLS, WebUiRequest, build_request, content_of
from runtime_image.webui.request_check import RequestCheck

#: Seconds for which a Web UI that does not answer is asked again: a moment's trouble must not cost a delivery, and
#: in longer trouble the loop hands the task back.
PATIENCE_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.5


class TaskPreparer:
    """Prepares tasks in workers' threads; a slow link delays its own task only."""

    def __init__(
        self,
        *,
        links: LinkResolver,
        models: ModelTools,
        check: RequestCheck,
        checkpoints: Checkpoints,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._links = links
        self._models = models
        self._check = check
        self._checkpoints = checkpoints
        self._clock = clock
        self._log = log

    def prepare(self, task: ClaimedTask) -> Event:
        """Return the task with its request; raises what makes the task fail."""
        content = task.task_message.task.content
        tasktype = task.metadata.tasktype
        body, path = content_of(tasktype, content)
        self._log.debug("task_content", task_id=task.metadata.id, prompt=body.get("prompt"))
        # Refuses what cannot be carried out before anything is fetched for it.
        request = build_request(tasktype, content, {})
        if request.path in MODEL_CALLS:
            return TaskCarriedOut(task, request, self._models.calls.carry_out(task, request.path, body, path))
        checkpoint = task.task_message.checkpoint if request.generates else None
        if self._models.named is not None:
            # Before their names are checked: the Web UI looks at its folders again for a name that it does not know.
            needed = None if self._checkpoints.is_loaded(checkpoint) else checkpoint
            self._models.named.fetch(task, needed, names_in(request.path, body, path))
        request = self._checked(task, request, checkpoint, body, path)
        return TaskPrepared(task, request.with_body(self._links.replace(body, path, task_id=task.metadata.id)))

    def _checked(
        self, task: ClaimedTask, request: WebUiRequest, checkpoint: str | None, body: dict[str, Any], path: str
    ) -> WebUiRequest:
        ends_at = self._clock.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._check.check(
                    request,
                    body,
                    path,
                    checkpoint=None if self._checkpoints.is_loaded(checkpoint) else checkpoint,
                    timeout_seconds=max(task.deadline - self._clock.monotonic(), PAUSE_SECONDS),
                )
            except WebUiUnreachable:
                if self._clock.monotonic() > ends_at:
                    raise
            if task.aborted.wait(PAUSE_SECONDS):
                raise TaskAborted
