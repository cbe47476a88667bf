"""The second stage: links become pictures, and the content becomes the Web UI's request."""

from runtime_image.agent.events import Event, TaskPrepared
from runtime_image.agent.held_task import HeldTask
from runtime_image.agent.links.replacement import LinkReplacement
from runtime_image.agent.logs import EventLog
from runtime_image.agent.webui.request import build_request, content_of


class Preparation:
    """Prepares tasks in workers' threads; a slow link delays its own task only."""

    def __init__(self, *, links: LinkReplacement, log: EventLog) -> None:
        self._links = links
        self._log = log

    def prepare(self, task: HeldTask) -> Event:
        """Return the task with its request; raises what makes the task fail."""
        content = task.task_message.task.content
        tasktype = task.metadata.tasktype
        body, path = content_of(tasktype, content)
        # Refuses what cannot be carried out before anything is fetched for it.
        build_request(tasktype, content, {})
        self._log.debug("task_content", task_id=task.metadata.id, prompt=body.get("prompt"))
        request = build_request(tasktype, content, self._links.replace(body, path))
        return TaskPrepared(task, request)
