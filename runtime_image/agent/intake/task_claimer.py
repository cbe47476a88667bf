"""Claim of tasks: a message is read and becomes a claimed task, or needs no work here."""

import secrets
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from contract.errors import DarkroomError
from contract.json_values import parse_json_object
from contract.lease import Lease, LeaseLost
from contract.message import TaskMessage
from contract.record import Record, Status
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.errors import MessageNotInFlight, NotATask
from runtime_image.agent.core.events import Event, MessageHandled, TaskRedelivered
from runtime_image.agent.core.task_queue import ReceivedMessage, TaskQueue
from runtime_image.agent.lease.lease_renewal import LeaseRenewal
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from task_store.envelope import open_envelope
from task_store.refusals import is_refused_for_good
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class MessageReader:
    """Reads task messages. A claim check may name only the task bucket."""

    def __init__(self, *, storage: "S3Client", task_bucket: str, runtime: str) -> None:
        self._task_bucket = TaskBucket(client=storage, bucket=task_bucket, may_list=False)
        self._runtime = runtime

    def read(self, body: str) -> TaskMessage:
        """Return the task in `body`.

        Raises:
            NotATask: if it can never be read.
            botocore's errors: if S3 does not answer.
        """
        try:
            payload = self._task_bucket.resolve(open_envelope(body).body)
            message = TaskMessage.model_validate(parse_json_object(payload))
        except DarkroomError as error:
            raise NotATask(error.message) from error
        except ValidationError as error:
            places = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors()[:10])
            raise NotATask(f"not a task message: {places}") from error
        if message.task.metadata.runtime != self._runtime:
            raise NotATask(f"meant for runtime {message.task.metadata.runtime!r}, delivered to {self._runtime!r}")
        return message


#: Seconds between two attempts while AWS does not answer.
RETRY_SECONDS: Final = 1.0
#: Seconds by which a busy task's message reappears later than the other agent's lease ends: the clocks of two
#: machines differ by milliseconds, and a delivery that comes too early costs one of the message's three.
CLOCK_SKEW_SECONDS: Final = 0.5


@dataclass(kw_only=True, eq=False)
class TaskClaimer:
    """Job that claims the task of a message.

    `owner` names this process in leases. Once `stopping` is set, the job no longer waits for an AWS without answers.
    """

    name = "claim"
    #: So many claims at a time, because four short tasks come with one receive.
    workers = 4

    reader: MessageReader
    repository: TaskRepository
    owner: str
    queue: TaskQueue
    lease_renewal: LeaseRenewal
    clock: Clock
    stopping: threading.Event
    event_log: EventLog

    def run(self, message: ReceivedMessage) -> Event:
        """Handle one delivery. AWS's refusals are waited out here, because every return uses up a delivery."""
        # For this delivery alone: a claim without an answer differs from a claim of an earlier delivery.
        owner = f"{self.owner}/{secrets.token_hex(4)}"
        while True:
            try:
                return self._handle(message, owner)
            except AWS_ERRORS as error:
                self.event_log.warning("claim_failed", message_id=message.message_id, reason=str(error))
                if is_refused_for_good(error):
                    # Back at once: after the last delivery its task fails with the dead-letter queue.
                    self.queue.requeue(message.receipt_handle)
                    return MessageHandled()
            if self.stopping.is_set():
                return MessageHandled()
            self.clock.sleep(RETRY_SECONDS)
            extended = self._extend(message)
            if extended is None:
                return MessageHandled()
            message = extended

    def failed(self, error: Exception, message: ReceivedMessage) -> Event:
        """Leave the message alone: it reappears, and goes to the dead-letter queue if it is the cause."""
        self.event_log.error("claim_failed", error, message_id=message.message_id)
        return MessageHandled()

    def _extend(self, message: ReceivedMessage) -> ReceivedMessage | None:
        now = self.clock.monotonic()
        try:
            self.queue.extend(message.receipt_handle)
        except MessageNotInFlight:
            return None
        except AWS_ERRORS:
            return message
        return replace(message, received_at=now)

    def _handle(self, message: ReceivedMessage, owner: str) -> Event:
        try:
            task_message = self.reader.read(message.body)
        except NotATask as error:
            # Back at once: after the last delivery SQS moves it to the dead-letter queue, which records its failure.
            self.event_log.warning(
                "message_is_not_a_task",
                message_id=message.message_id,
                receive_count=message.receive_count,
                reason=str(error),
            )
            self.queue.requeue(message.receipt_handle)
            return MessageHandled()
        metadata = task_message.task.metadata
        log = self.event_log.bind(task_id=metadata.id, run_id=task_message.run_id, message_id=message.message_id)
        if self._is_expired(task_message) and self._expire(task_message):
            log.info("task_expired")
            return self._delete(message)
        return self._claim(message, task_message, owner, log)

    def _is_expired(self, task_message: TaskMessage) -> bool:
        """Return True if the task waited past its `ttl` and was never claimed; a released task may go on."""
        metadata = task_message.task.metadata
        if self.clock.now_ms() < task_message.submitted_at_ms + metadata.policy.ttl_ms:
            return False
        record = self.repository.read(task_message.task_key)
        if record is None or record.run_id != task_message.run_id:
            return False
        return record.status is Status.IN_QUEUE and record.attempts == 0

    def _expire(self, task_message: TaskMessage) -> bool:
        try:
            self.repository.expire(task_message.task_key, task_message.run_id)
        except LeaseLost:
            return False
        return True

    def _claim(self, message: ReceivedMessage, task_message: TaskMessage, owner: str, log: EventLog) -> Event:
        now = self.clock.monotonic()
        lease_until = self.lease_renewal.lease_end(message)
        if lease_until <= now:
            log.warning("message_came_too_late")
            return MessageHandled()
        lease = Lease(task_message.task_key, task_message.run_id, owner)
        try:
            attempt = self.repository.claim(lease, lease_seconds=lease_until - now)
        except LeaseLost:
            record = self.repository.read(lease.task_key)
            if record is None or record.run_id != lease.run_id or record.lease_owner != lease.owner:
                return self._not_claimed(message, task_message, record, log)
            # The claim was written, and its answer lost.
            attempt = record.attempts
            lease_until = now + self._lease_seconds_left(record)
        log.info("task_claimed", attempt=attempt, receive_count=message.receive_count)
        return MessageHandled(
            ClaimedTask(
                message=message,
                lease=lease,
                task_message=task_message,
                attempt=attempt,
                claimed_at=now,
                lease_until=lease_until,
            )
        )

    def _not_claimed(
        self, message: ReceivedMessage, task_message: TaskMessage, record: Record | None, log: EventLog
    ) -> Event:
        if record is None:
            log.warning("task_has_no_record")
            self.queue.requeue(message.receipt_handle)
            return MessageHandled()
        if record.run_id != task_message.run_id or record.is_final:
            log.info("task_already_final", status=record.status.value)
            return self._delete(message)
        if (record.lease_owner or "").startswith(f"{self.owner}/"):
            log.warning("task_redelivered_while_held")
            return TaskRedelivered((record.key, record.run_id), message)
        seconds_left = self._lease_seconds_left(record)
        if seconds_left > 0:
            seconds_left += CLOCK_SKEW_SECONDS
        # A run without an attempt left is back at once, so that the dead-letter queue records its failure.
        log.info(
            "task_is_held_by_another",
            lease_owner=record.lease_owner,
            attempts=record.attempts,
            rest_seconds=seconds_left,
        )
        self.queue.requeue(message.receipt_handle, seconds_left)
        return MessageHandled()

    def _lease_seconds_left(self, record: Record) -> float:
        # None if it was released between the two calls: its next receiver may claim it.
        return max((record.lease_expires_at_ms or 0) - self.clock.now_ms(), 0) / 1000

    def _delete(self, message: ReceivedMessage) -> Event:
        self.queue.delete(message.receipt_handle)
        return MessageHandled()
