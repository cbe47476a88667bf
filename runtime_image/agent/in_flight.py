"""The requests that are at the Web UI, and which of them an interrupt may have cut.

The Web UI's interrupt takes no id: it cuts whatever runs when it arrives, and what it cut answers as if it were
whole; upscaling leaves pictures out. So an interrupt meant for one request makes every other one that takes the lock
suspect, until the Web UI shows it running, alone and not interrupted; what is answered before that is made again.
"""

from typing import Final

from runtime_image.agent.held_task import HeldTask
from runtime_image.agent.webui.progress import Progress

#: Seconds after which an interrupt that the Web UI shows no trace of is sent again: it came before its request had
#: begun. Longer than any answer takes to be encoded and sent, so that an ended request is not interrupted again.
REPEAT_SECONDS: Final = 2.0


class InFlight:
    """Changed by the loop only."""

    def __init__(self) -> None:
        #: Oldest first; the Web UI's lock serves them in this order.
        self.tasks: list[HeldTask] = []
        #: The task for which the Web UI is being set up, by another checkpoint or by options; nothing else is there.
        self.switching: HeldTask | None = None
        #: In flight when an interrupt was sent for another, and not yet shown to have begun after it.
        self._suspects: set[HeldTask] = set()
        self._interrupting: HeldTask | None = None
        self._interrupted: HeldTask | None = None
        #: Monotonic seconds.
        self._interrupt_sent_at = 0.0
        self._last_answer_at = 0.0

    def add(self, task: HeldTask) -> None:
        """Note that a request goes to the Web UI."""
        self.tasks.append(task)

    def remove(self, task: HeldTask, now: float) -> bool:
        """Note that a request was answered; tell whether its answer may be that of a cut generation."""
        if task in self.tasks:
            self.tasks.remove(task)
        if self._interrupted is task:
            self._interrupted = None
        self._last_answer_at = now
        suspect = task in self._suspects
        self._suspects.discard(task)
        return suspect

    @property
    def is_settled(self) -> bool:
        """False while it is not known what an interrupt has cut; nothing new may be sent then."""
        return self._interrupting is None and not self._suspects

    @property
    def is_interrupting(self) -> bool:
        """True while an interrupt is on its way."""
        return self._interrupting is not None

    @property
    def at_lock(self) -> list[HeldTask]:
        """Those that have the Web UI's lock or wait for it, oldest first: one of them is what an interrupt cuts."""
        return [task for task in self.tasks if task.request and task.request.takes_lock]

    def to_interrupt(self) -> HeldTask | None:
        """Return the task whose interrupt must be sent now: it runs, and was given up or is wanted as it is."""
        oldest = next(iter(self.at_lock), None)
        if oldest is None or not oldest.must_be_cut or self._interrupting or self._interrupted is oldest:
            return None
        return oldest

    def interrupting(self, task: HeldTask) -> None:
        """Note that an interrupt is on its way."""
        self._interrupting = task
        self._suspects |= {other for other in self.at_lock if other is not task}

    def interrupt_sent(self, now: float) -> None:
        """Note that the Web UI has taken the interrupt."""
        self._interrupted = self._interrupting if self._interrupting in self.tasks else None
        self._interrupting = None
        self._interrupt_sent_at = now

    def seen(self, progress: Progress, now: float) -> None:
        """Take what the Web UI shows: something runs that began after the last interrupt was taken."""
        if self._interrupting or progress.asked_at < self._interrupt_sent_at:
            return
        if progress.interrupted or not progress.busy:
            return
        # Whose run it is can only be told when nobody else's request is there: requests that were sent within
        # milliseconds need not arrive in that order, nor their answers in the order in which they ran.
        if len(self.at_lock) == 1 and progress.asked_at >= self._last_answer_at:
            self._suspects.clear()
        if self._interrupted and now - self._interrupt_sent_at > REPEAT_SECONDS:
            self._interrupted = None
