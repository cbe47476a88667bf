"""The requests that are at the Web UI, and which of them an interrupt may have cut.

The Web UI's interrupt takes no id: it cuts whatever runs when it arrives, and what it cut answers as if it were
whole; upscaling leaves pictures out. So an interrupt meant for one request makes every other one that takes the lock
suspect, until the Web UI shows it running, alone and not interrupted; what is answered before that is made again.
"""

from typing import Final

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.webui.progress import Progress

#: Seconds after which an interrupt that the Web UI shows no trace of is sent again: it came before its request had
#: begun. Longer than any answer takes to be encoded and sent, so that an ended request is not interrupted again.
REPEAT_SECONDS: Final = 2.0


class OutstandingRequests:
    """Changed by the loop only."""

    def __init__(self) -> None:
        #: Oldest first; the Web UI's lock serves them in this order.
        self._sent: list[ClaimedTask] = []
        #: Of these, the ones whose connection broke: the Web UI may go on with them, and nobody will get the answer.
        self._orphans: set[ClaimedTask] = set()
        #: The task for which the Web UI is being set up, by another checkpoint or by options; nothing else is there.
        self.switching: ClaimedTask | None = None
        #: In flight when an interrupt was sent for another, and not yet shown to have begun after it.
        self._suspects: set[ClaimedTask] = set()
        self._interrupting: ClaimedTask | None = None
        self._interrupted: ClaimedTask | None = None
        #: An interrupt got no answer: it may yet cut whatever runs then.
        self._is_interrupt_lost = False
        #: Monotonic seconds.
        self._interrupt_sent_at = 0.0
        #: When the last answer came.
        self.last_answer_at = 0.0

    @property
    def tasks(self) -> list[ClaimedTask]:
        """Those that will be answered, oldest first."""
        return [task for task in self._sent if task not in self._orphans]

    def add(self, task: ClaimedTask) -> None:
        """Note that a request goes to the Web UI."""
        self._sent.append(task)

    def remove(self, task: ClaimedTask, now: float) -> bool:
        """Note that a request was answered; tell whether its answer may be that of a cut one."""
        if task in self._sent:
            self._sent.remove(task)
        if self._interrupted is task:
            self._interrupted = None
        self.last_answer_at = now
        suspect = task in self._suspects
        self._suspects.discard(task)
        return suspect

    def disconnected(self, task: ClaimedTask) -> None:
        """Note that a request's connection broke: whoever does it again must not meet the Web UI still doing it."""
        self._suspects.discard(task)
        if _takes_lock(task):
            self._orphans.add(task)
        else:
            self._sent.remove(task)

    def idle(self) -> None:
        """Take that the Web UI answers and does nothing: what nobody had an answer to is over."""
        self._sent = self.tasks
        if self._interrupted in self._orphans:
            self._interrupted = None
        self._orphans.clear()
        self._is_interrupt_lost = False

    @property
    def is_settled(self) -> bool:
        """False while it is not known what an interrupt has cut; nothing new may be sent then."""
        unknown = self._interrupting or self._suspects or self._is_interrupt_lost or self._orphans
        return not unknown

    @property
    def is_interrupting(self) -> bool:
        """True while an interrupt is on its way."""
        return self._interrupting is not None

    @property
    def at_lock(self) -> list[ClaimedTask]:
        """Those that have the Web UI's lock or wait for it, oldest first: one of them is what an interrupt cuts."""
        return [task for task in self._sent if _takes_lock(task)]

    def to_interrupt(self) -> ClaimedTask | None:
        """Return the task whose interrupt must be sent now: it runs, and was given up or is wanted as it is."""
        oldest = next(iter(self.at_lock), None)
        if oldest is None or not oldest.must_be_cut or self._interrupting or self._interrupted is oldest:
            return None
        return oldest

    def interrupting(self, task: ClaimedTask) -> None:
        """Note that an interrupt is on its way."""
        self._interrupting = task
        self._suspects |= {other for other in self.tasks if _takes_lock(other) and other is not task}

    def interrupt_sent(self, now: float, *, is_accepted: bool = True) -> None:
        """Note that the Web UI has taken the interrupt; if that is not known, nobody is cleared until it is idle."""
        self._interrupted = self._interrupting if self._interrupting in self.at_lock else None
        self._interrupting = None
        self._interrupt_sent_at = now
        self._is_interrupt_lost |= not is_accepted

    def seen(self, progress: Progress, now: float) -> None:
        """Take what the Web UI shows: something runs that began after the last interrupt was taken."""
        if self._interrupting or progress.asked_at < self._interrupt_sent_at:
            return
        if progress.interrupted or not progress.busy:
            return
        # Whose run it is can only be told when nobody else's request is there: requests that were sent within
        # milliseconds need not arrive in that order, nor their answers in the order in which they ran.
        is_alone = len(self.at_lock) == 1 and progress.asked_at >= self.last_answer_at
        if is_alone and not self._is_interrupt_lost:
            self._suspects.clear()
        if self._interrupted and now - self._interrupt_sent_at > REPEAT_SECONDS:
            self._interrupted = None


def _takes_lock(task: ClaimedTask) -> bool:
    return task.request is not None and task.request.takes_lock
