"""Renewal of leases: the visibility of a task's messages and the lease in its record, together."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from contract.lease import LeaseLost
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.completion import AbandonReason
from runtime_image.agent.core.errors import MessageNotInFlight
from runtime_image.agent.core.events import Event, TaskLost
from runtime_image.agent.core.task_queue import ReceivedMessage, TaskQueue
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from task_store.repository import TaskRepository

#: Part of a lease that is left when it is renewed: two renewals may fail before anything is lost.
RENEW_BEFORE_END: Final = 2 / 3
#: Part of the visibility timeout by which a lease ends earlier. The next receiver of the message can then claim the
#: task at once.
LEASE_MARGIN: Final = 0.1
#: Seconds of that margin at most.
MAX_LEASE_MARGIN_SECONDS: Final = 2.0
#: Seconds until a renewal without an answer from AWS is repeated.
RETRY_SECONDS: Final = 0.5


@dataclass(kw_only=True, eq=False)
class LeaseRenewal:
    """Renews leases in its thread and reports lost ones to the loop. The task monitor notices leases that expire."""

    repository: TaskRepository
    queue: TaskQueue
    clock: Clock
    log: EventLog
    post: Callable[[Event], None]
    _due: dict[ClaimedTask, float] = field(default_factory=dict, init=False)
    _renewing: ClaimedTask | None = field(default=None, init=False)
    # Guards both, so that no renewal follows once `stop` has returned.
    _renewal: threading.Condition = field(default_factory=threading.Condition, init=False)
    _changed: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        self._visibility_seconds = self.queue.visibility_timeout_seconds
        margin = min(self._visibility_seconds * LEASE_MARGIN, MAX_LEASE_MARGIN_SECONDS)
        #: Seconds from the start of a visibility timeout to the end of the lease.
        self.lease_seconds = self._visibility_seconds - margin

    def lease_end(self, message: ReceivedMessage) -> float:
        """Return the monotonic second at which a lease on this delivery's task ends if it is claimed now."""
        return message.received_at + self.lease_seconds

    def start(self, task: ClaimedTask) -> None:
        """Begin to renew the lease of a claimed task."""
        # While AWS was in trouble, reading and claiming it may have used a good part of the lease. A claim whose answer
        # was lost granted an even shorter one. What is past is due at once.
        self._due[task] = self._renewal_at(task)
        self._changed.set()

    def stop(self, task: ClaimedTask) -> None:
        """Stop the renewals of a task; wait for a renewal of it that is under way, and for no other's."""
        with self._renewal:
            self._due.pop(task, None)
            self._renewal.wait_for(lambda: self._renewing is not task)

    def run(self) -> None:
        """Renew for ever, in a separate thread."""
        while True:
            due = list(self._due.items())
            now = self.clock.monotonic()
            for task, due_at in due:
                if due_at <= now:
                    self.renew(task)
            next_due = min((due_at for _, due_at in list(self._due.items())), default=now + self._visibility_seconds)
            self._changed.wait(max(0.0, next_due - self.clock.monotonic()))
            self._changed.clear()

    def renew(self, task: ClaimedTask) -> None:
        """Renew a task now, unless its renewals were stopped."""
        with self._renewal:
            if task not in self._due:
                return
            self._renewing = task
        try:
            self._renew(task)
        finally:
            with self._renewal:
                self._renewing = None
                self._renewal.notify_all()

    def _renew(self, task: ClaimedTask) -> None:
        started_at = self.clock.monotonic()
        try:
            self.queue.extend(task.message.receipt_handle)
            for message in list(task.duplicates):
                with suppress(MessageNotInFlight, *AWS_ERRORS):
                    self.queue.extend(message.receipt_handle)
            elapsed = self.clock.monotonic() - started_at
            self.repository.renew(task.lease, lease_seconds=self.lease_seconds - elapsed)
        except MessageNotInFlight:
            self._lost(task, AbandonReason.MESSAGE_LOST)
        except LeaseLost as error:
            self._lost(task, AbandonReason.of(error))
        except AWS_ERRORS as error:
            self.log.warning("renewal_failed", task_id=task.metadata.id, reason=str(error))
            self._reschedule(task, self.clock.monotonic() + RETRY_SECONDS)
        else:
            task.lease_until = started_at + self.lease_seconds
            self._reschedule(task, self._renewal_at(task))

    def _renewal_at(self, task: ClaimedTask) -> float:
        return task.lease_until - self.lease_seconds * RENEW_BEFORE_END

    def _reschedule(self, task: ClaimedTask, due_at: float) -> None:
        # A task that was stopped during the renewal must not come back.
        with self._renewal:
            if task in self._due:
                self._due[task] = due_at

    def _lost(self, task: ClaimedTask, reason: AbandonReason) -> None:
        self._due.pop(task, None)
        self.post(TaskLost(task, reason))
