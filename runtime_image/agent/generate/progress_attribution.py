"""Attribution of the engine's progress to a task.

Progress that names its call is that task's. Other progress names no task, and a call that has left the lock may be
encoded and sent for seconds while the next one runs.
So each run that shows itself is attributed to the oldest call that has not run yet, which is good enough for numbers. A
preview is a picture, and must never reach another caller. It counts only in a run that has shown itself while its call
was the only one at the engine. Until then no call is sent behind one that wants previews.
"""

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.generate.outstanding_requests import OutstandingRequests
from runtime_image.process.engine import Progress


class ProgressAttribution:
    """Changed by the loop only."""

    def __init__(self, *, outstanding: OutstandingRequests) -> None:
        self._outstanding = outstanding
        self._last: Progress | None = None
        #: The task whose run was seen last, and whether that is certain.
        self._task: ClaimedTask | None = None
        self._is_sure = False
        #: Tasks that seem to have run and are not answered yet.
        self._left: set[ClaimedTask] = set()

    def answered(self, task: ClaimedTask) -> None:
        """Record that a call has ended: its task may be sent again, and earlier progress does not count then."""
        self._left.discard(task)
        if self._task is task:
            self._task = None

    def task_of(self, progress: Progress) -> ClaimedTask | None:
        """Return the task that runs by this answer, None if that is unknown."""
        if not progress.busy or progress.asked_at < self._outstanding.last_answer_at:
            return None
        at_lock = self._outstanding.at_lock
        if progress.call is not None:
            self._task = next((task for task in at_lock if task.call is progress.call), None)
            self._is_sure = True
            return self._task
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
        """Return True if the last progress is certainly this task's."""
        return self._is_sure and self._task is task

    @property
    def is_awaited(self) -> bool:
        """A call that wants previews has not shown itself; no call may be sent behind it yet."""
        return any(
            task.metadata.policy.preview and not task.is_identified and not self.is_sure_of(task)
            for task in self._outstanding.at_lock
        )
