"""Whose run the Web UI's progress tells of.

Progress names no task, and a request that has left the lock may be encoded and sent for seconds while the next one
runs. So each run that shows itself is taken for that of the oldest request that has not run yet, which is good enough
for numbers. A preview is a picture, and must never reach another caller: it counts only in a run that has shown itself
while its request was the only one there, and nothing is sent behind a request that wants previews until that is so.
"""

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.webui.progress import Progress


class ProgressAttribution:
    """Changed by the loop only."""

    def __init__(self, *, outstanding: OutstandingRequests) -> None:
        self._outstanding = outstanding
        self._last: Progress | None = None
        #: Whose run was seen last, and whether that is certain.
        self._task: ClaimedTask | None = None
        self._is_sure = False
        #: Have run, as it seems, and are not answered yet.
        self._left: set[ClaimedTask] = set()

    def answered(self, task: ClaimedTask) -> None:
        """Note that a request is over: its task may be sent again, and what was seen of it counts no more then."""
        self._left.discard(task)
        if self._task is task:
            self._task = None

    def task_of(self, progress: Progress) -> ClaimedTask | None:
        """Return the task that runs by this answer, None if that cannot be told."""
        if not progress.busy or progress.asked_at < self._outstanding.last_answer_at:
            return None
        at_lock = self._outstanding.at_lock
        there = [task for task in at_lock if task.sent_at <= progress.asked_at]
        if len(at_lock) == len(there) == 1:
            self._task, self._is_sure = there[0], True
            self._left.clear()
        elif self._task not in there or self._last is None or progress.is_of_another_run(self._last):
            self._left.intersection_update(there)
            if self._task in there:
                self._left.add(self._task)
            self._task = next((task for task in there if task not in self._left), None)
            self._is_sure = False
        self._last = progress
        return self._task

    def is_sure_of(self, task: ClaimedTask) -> bool:
        """Tell whether what was seen last is certainly this task's."""
        return self._is_sure and self._task is task

    @property
    def is_awaited(self) -> bool:
        """True while a request that wants previews has not shown itself; nothing may be sent behind it then."""
        return any(task.metadata.policy.preview and not self.is_sure_of(task) for task in self._outstanding.at_lock)
