"""The first stage: from a message to a claimed task. A message that is none, or of a task that is over, ends here."""

import secrets
import threading
from dataclasses import replace
from typing import Final

from contract.message import TaskMessage
from contract.record import Record, Status
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.errors import MessageNotHeld, NotATask
from runtime_image.agent.core.events import Event, MessageSettled, TaskClaimed, TaskRedelivered
from runtime_image.agent.intake.message_reader import MessageReader
from runtime_image.agent.intake.task_queue import ReceivedMessage, TaskQueue
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from task_store.lease import Lease, LeaseLost
from task_store.repository import TaskRepository

#: Seconds between two tries while AWS does not answer.
RETRY_SECONDS: Final = 1.0
#: Seconds by which a busy task's message reappears later than the other agent's lease ends: the clocks of two
#: machines differ by milliseconds, and a delivery that comes too early costs one of the message's three.
CLOCK_SKEW_SECONDS: Final = 0.5


class TaskClaimer:
    """Looks at messages.

    `owner` names this process in leases. `stopping` makes it give up on an AWS that does not answer.
    """

    def __init__(
        self,
        *,
        reader: MessageReader,
        repository: TaskRepository,
        owner: str,
        queue: TaskQueue,
        lease_renewal: LeaseRenewal,
        clock: Clock,
        stopping: threading.Event,
        log: EventLog,
    ) -> None:
        self._reader = reader
        self._repository = repository
        self._owner = owner
        self._queue = queue
        self._lease_renewal = lease_renewal
        self._clock = clock
        self._stopping = stopping
        self._log = log

    def claim(self, message: ReceivedMessage) -> Event:
        """Settle one delivery. AWS's refusals are waited out here, since every return uses up a delivery."""
        # Of this delivery alone, so that a claim whose answer was lost is told from one of an earlier delivery.
        owner = f"{self._owner}/{secrets.token_hex(4)}"
        while True:
            try:
                return self._take(message, owner)
            except AWS_ERRORS as error:
                self._log.warning("intake_failed", message_id=message.message_id, reason=str(error))
            if self._stopping.is_set():
                return MessageSettled(message)
            self._clock.sleep(RETRY_SECONDS)
            extended = self._extend(message)
            if extended is None:
                return MessageSettled(message)
            message = extended

    def _extend(self, message: ReceivedMessage) -> ReceivedMessage | None:
        now = self._clock.monotonic()
        try:
            self._queue.extend(message.receipt_handle)
        except MessageNotHeld:
            return None
        except AWS_ERRORS:
            return message
        return replace(message, received_at=now)

    def _take(self, message: ReceivedMessage, owner: str) -> Event:
        try:
            task_message = self._reader.read(message.body)
        except NotATask as error:
            # Back at once: after the last delivery SQS moves it to the dead-letter queue, where its failure is told.
            self._log.warning(
                "message_is_not_a_task",
                message_id=message.message_id,
                receive_count=message.receive_count,
                reason=str(error),
            )
            self._queue.requeue(message.receipt_handle)
            return MessageSettled(message)
        metadata = task_message.task.metadata
        log = self._log.bind(task_id=metadata.id, run=task_message.run, message_id=message.message_id)
        if self._is_expired(task_message) and self._expire(task_message):
            log.info("task_expired")
            return self._delete(message)
        return self._claim(message, task_message, owner, log)

    def _is_expired(self, task_message: TaskMessage) -> bool:
        """Tell whether the task waited past its `ttl` and was never begun; one that was handed back may go on."""
        metadata = task_message.task.metadata
        if self._clock.now_ms() < task_message.submitted_at_ms + metadata.policy.ttl_ms:
            return False
        record = self._repository.read(metadata.id)
        if record is None or record.run != task_message.run:
            return False
        return record.status is Status.IN_QUEUE and record.attempts == 0

    def _expire(self, task_message: TaskMessage) -> bool:
        try:
            self._repository.expire(task_message.task.metadata.id, task_message.run)
        except LeaseLost:
            return False
        return True

    def _claim(self, message: ReceivedMessage, task_message: TaskMessage, owner: str, log: EventLog) -> Event:
        now = self._clock.monotonic()
        lease_until = self._lease_renewal.lease_end(message)
        if lease_until <= now:
            log.warning("message_came_too_late")
            return MessageSettled(message)
        lease = Lease(task_message.task.metadata.id, task_message.run, owner)
        try:
            attempt = self._repository.claim(lease, lease_seconds=lease_until - now)
        except LeaseLost:
            record = self._repository.read(lease.task_id)
            if record is None or record.run != lease.run_id or record.lease_owner != lease.owner:
                return self._not_claimed(message, task_message, record, log)
            # The claim was written, and its answer lost.
            attempt = record.attempts
            lease_until = now + self._rest_of_lease(record)
        log.info("task_claimed", attempt=attempt, receive_count=message.receive_count)
        return TaskClaimed(
            ClaimedTask(
                message=message,
                lease=lease,
                task_message=task_message,
                attempt=attempt,
                claimed_at=now,
                lease_until=lease_until,
                heartbeat_at=now,
            )
        )

    def _not_claimed(
        self, message: ReceivedMessage, task_message: TaskMessage, record: Record | None, log: EventLog
    ) -> Event:
        if record is None:
            log.warning("task_has_no_record")
            self._queue.requeue(message.receipt_handle)
            return MessageSettled(message)
        if record.run != task_message.run or record.is_final:
            log.info("task_is_over", status=record.status.value)
            return self._delete(message)
        if (record.lease_owner or "").startswith(f"{self._owner}/"):
            log.warning("task_redelivered_while_held")
            return TaskRedelivered((record.id, record.run), message)
        rest_seconds = self._rest_of_lease(record)
        if rest_seconds > 0:
            rest_seconds += CLOCK_SKEW_SECONDS
        log.info("task_is_held_by_another", lease_owner=record.lease_owner, rest_seconds=rest_seconds)
        self._queue.requeue(message.receipt_handle, rest_seconds)
        return MessageSettled(message)

    def _rest_of_lease(self, record: Record) -> float:
        # None if it was handed back between our two calls: whoever receives it next may have it.
        return max((record.lease_expires_at_ms or 0) - self._clock.now_ms(), 0) / 1000

    def _delete(self, message: ReceivedMessage) -> Event:
        self._queue.delete(message.receipt_handle)
        return MessageSettled(message)
