"""Outstanding requests at the engine, and those of them that an interrupt may have cut.

An interrupt of an identified call ends that call alone. Any other interrupt cuts the call that runs when it arrives. A
cut call answers as if it were whole; upscaling leaves pictures out. So an interrupt for one call makes every other call
at the lock suspect. It is cleared once the engine shows it running, alone and not interrupted. A call that is answered
before that is repeated.
"""

from typing import Final

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.process.engine import Progress

#: Seconds after which an interrupt without a visible effect is sent again: it came before its call had begun. Longer
#: than the encoding and sending of any answer, so that an ended call is not interrupted again.
REPEAT_SECONDS: Final = 2.0


class OutstandingRequests:
    """Changed by the loop only."""

    def __init__(self) -> None:
        #: Oldest first; the engine's lock serves them in this order.
        self._sent: list[ClaimedTask] = []
        #: Of these, the ones whose connection broke: the engine may go on with them, and their answers are lost.
        self._orphans: set[ClaimedTask] = set()
        #: The task for which the engine is being set up, by another checkpoint or by options; no call is there then.
        self.switching: ClaimedTask | None = None
        #: Outstanding when an interrupt was sent for another, and not yet shown to have begun after it.
        self._suspects: set[ClaimedTask] = set()
        self._interrupting: ClaimedTask | None = None
        self._interrupted: set[ClaimedTask] = set()
        #: An interrupt got no answer: it may yet cut the call that runs then.
        self._is_interrupt_lost = False
        #: Monotonic seconds.
        self._interrupt_sent_at = 0.0
        #: Monotonic seconds of the last answer.
        self.last_answer_at = 0.0

    @property
    def tasks(self) -> list[ClaimedTask]:
        """Tasks whose calls will be answered, oldest first."""
        return [task for task in self._sent if task not in self._orphans]

    def add(self, task: ClaimedTask) -> None:
        """Record that a call goes to the engine."""
        self._sent.append(task)

    def set_up(self, task: ClaimedTask) -> None:
        """Record that the set-up for a task has ended."""
        if self.switching is task:
            self.switching = None

    def remove(self, task: ClaimedTask, now: float) -> bool:
        """Record that a call was answered; return True if the answer may be that of a cut call."""
        if task in self._sent:
            self._sent.remove(task)
        self._interrupted.discard(task)
        self.last_answer_at = now
        suspect = task in self._suspects
        self._suspects.discard(task)
        return suspect

    def disconnected(self, task: ClaimedTask) -> None:
        """Record that a call's connection broke: it must not be repeated while the engine may still work on it."""
        self._suspects.discard(task)
        if task.takes_lock:
            self._orphans.add(task)
        else:
            self._sent.remove(task)

    def idle(self) -> None:
        """Drop the calls whose connection broke, because the engine is idle."""
        self._sent = self.tasks
        self._interrupted -= self._orphans
        self._orphans.clear()
        self._is_interrupt_lost = False

    @property
    def is_settled(self) -> bool:
        """False while the effect of an interrupt is unknown; no call may be sent then."""
        unknown = self._interrupting or self._suspects or self._is_interrupt_lost or self._orphans
        return not unknown

    @property
    def is_interrupting(self) -> bool:
        """An interrupt is on its way."""
        return self._interrupting is not None

    @property
    def at_lock(self) -> list[ClaimedTask]:
        """Tasks that hold the engine's lock or wait for it, oldest first: an interrupt cuts one of them."""
        return [task for task in self._sent if task.takes_lock]

    def to_interrupt(self) -> ClaimedTask | None:
        """Return the task whose interrupt must be sent now: it was aborted or is wanted as it is.

        It runs, or it is identified and waits.
        """
        if self._interrupting:
            return None
        at_lock = self.at_lock
        reachable = [task for task in at_lock if task is at_lock[0] or task.is_identified]
        return next((task for task in reachable if task.must_be_cut and task not in self._interrupted), None)

    def interrupting(self, task: ClaimedTask) -> None:
        """Record that an interrupt is on its way."""
        self._interrupting = task
        if not task.is_identified:
            self._suspects |= {other for other in self.tasks if other.takes_lock and other is not task}

    def interrupt_sent(self, now: float, *, is_accepted: bool = True) -> None:
        """Record the engine's answer to the interrupt; without one, no call is cleared until the engine is idle."""
        task, self._interrupting = self._interrupting, None
        if task is not None and task.is_identified:
            # It is sent again if the engine did not confirm it.
            self._interrupted |= {task} if is_accepted and task in self.at_lock else set()
            return
        self._interrupted = {task} if task is not None and task in self.at_lock else set()
        self._interrupt_sent_at = now
        self._is_interrupt_lost |= not is_accepted

    def received(self, progress: Progress, now: float) -> None:
        """Clear suspects if the progress shows a run that began after the last interrupt was accepted."""
        if self._interrupting or progress.asked_at < self._interrupt_sent_at:
            return
        if progress.interrupted or not progress.busy:
            return
        # The run is known only when no other call is there: calls that were sent within milliseconds need not
        # arrive in that order, nor their answers in the order in which they ran.
        is_alone = len(self.at_lock) == 1 and progress.asked_at >= self.last_answer_at
        if is_alone and not self._is_interrupt_lost:
            self._suspects.clear()
        if now - self._interrupt_sent_at > REPEAT_SECONDS:
            self._interrupted = {task for task in self._interrupted if task.is_identified}
