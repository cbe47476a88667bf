"""Processor of dead letters: each undeliverable message becomes a failure of its task or a rejection."""

from functools import partial
from typing import Any

from pydantic import ValidationError

from contract.callback import sender_id
from contract.errors import DarkroomError, InvalidJson, MessageTooLarge
from contract.json_values import parse_json_object
from contract.message import NamedRun, TaskMessage
from contract.record import MAX_ATTEMPTS, Record
from contract.tenancy import Tenancy, scoped
from lambdas.messaging.queue_batch import MessageDeferred
from lambdas.messaging.topics import Topic, publish_rejection
from lambdas.runtime.observability import count, logger
from lambdas.tasks import outcomes
from lambdas.tasks.outcomes import DELIVERY_FAILED
from task_store.envelope import Delivery
from task_store.refusals import is_refused_for_good
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket


class DeliveryFailed(DarkroomError):
    """Raised when a task used up its deliveries."""

    code = DELIVERY_FAILED


class UnreadableMessage(DarkroomError):
    """Raised when no task could be found in a message."""

    code = "unreadable_message"


class DeadLetterProcessor:
    """Processes one message at a time; an error means that the message must be delivered again."""

    def __init__(
        self, *, repository: TaskRepository, task_bucket: TaskBucket, completion_topic: Topic, tenancy: Tenancy
    ) -> None:
        self._repository = repository
        self._task_bucket = task_bucket
        self._completion_topic = completion_topic
        self._tenancy = tenancy

    def process(self, delivery: Delivery) -> None:
        """Fail the task of a message, or publish a rejection of a message without a task.

        If AWS refuses both for good, the message is kept for the operators. Otherwise it would come again for days.
        """
        try:
            self._settle(delivery)
        except Exception as error:
            if not is_refused_for_good(error):
                raise
            kept = self._task_bucket.keep_unreadable(
                delivery.message_id, body=delivery.body, source="dead-letter queue"
            )
            logger().exception("dead_letter_refused_by_aws", message_id=delivery.message_id, kept_at=kept.uri)
            count("DeadLettersUnreadable")

    def _settle(self, delivery: Delivery) -> None:
        body: dict[str, Any] | None = None
        try:
            may_point_to = partial(self._tenancy.may_point_to, delivery.topic_arn)
            body = parse_json_object(self._task_bucket.resolve(delivery.body, may_point_to=may_point_to))
            named = _named_run(body, delivery)
        except (InvalidJson, MessageTooLarge, ValidationError) as error:
            tenant = self._tenancy.of_topic(delivery.topic_arn).name
            if not self._was_recorded(body, tenant, delivery.message_id):
                self._answer(delivery, body, tenant, str(error))
            return
        record = self._repository.read(named.task_key)
        if record is None:
            self._answer(delivery, body, named.tenant, "its task has no record")
        elif record.run_id == named.run_id and not record.is_final:
            self._fail_or_release(record, is_readable=_is_readable(body))
        else:
            logger().info("dead_letter_of_a_finished_task", task_id=record.id, run_id=named.run_id)

    def _was_recorded(self, body: dict[str, Any] | None, tenant: str, message_id: str) -> bool:
        """Return True if a message of the intake queue was recorded before it failed: the reaper continues with it."""
        # A task in RunPod's format does not name an id, so it has the id of its message.
        record = self._repository.read(scoped(tenant, sender_id(body) or message_id))
        return record is not None and record.has_begun(message_id)

    def _fail_or_release(self, record: Record, *, is_readable: bool) -> None:
        """Fail a run that had all its attempts, or none.

        After some, deliveries met a run that another of its messages held, or a stop. It waits again for the rest,
        unless its message alone has its secret. A message that only another release can read would come back for ever.
        """
        if record.has_secret or not is_readable or not 0 < record.attempts < MAX_ATTEMPTS:
            self._fail(record)
        elif self._repository.release_unleased(record):
            logger().warning("task_waits_again", task_id=record.id, run_id=record.run_id, attempts=record.attempts)
        else:
            raise MessageDeferred(f"task {record.id} is held by a replica")

    def _fail(self, record: Record) -> None:
        error = DeliveryFailed(f"the task could not be run in {record.attempts} attempts")
        if not self._repository.finish_unleased(record, outcomes.failed(record, error)):
            # The run has finished meanwhile or is leased to a replica; the next delivery decides.
            raise MessageDeferred(f"task {record.id} is held by a replica")
        logger().warning("task_failed", task_id=record.id, run_id=record.run_id, attempts=record.attempts)
        count("DeadLettersFailed", runtime=record.runtime)

    def _answer(self, delivery: Delivery, body: dict[str, Any] | None, tenant: str, reason: str) -> None:
        kept = self._task_bucket.keep_unreadable(delivery.message_id, body=delivery.body, source="dead-letter queue")
        refusal = UnreadableMessage(
            f"no task could be made of the message (id {delivery.message_id}); the operators find it at {kept.uri}"
        )
        publish_rejection(
            self._completion_topic,
            refusal,
            body=body,
            message_id=delivery.message_id,
            runtime=delivery.attributes.get("runtime"),
            tenant=tenant,
        )
        logger().error("dead_letter_unreadable", message_id=delivery.message_id, kept_at=kept.uri, reason=reason)
        count("DeadLettersUnreadable")


def _named_run(body: dict[str, Any], delivery: Delivery) -> NamedRun:
    if delivery.topic_arn is not None:
        # Runtimes' queues hold bare messages. A publisher must not end a task with what looks like its message.
        raise InvalidJson("the message of an entry topic was not accepted")
    return NamedRun.model_validate(body)


def _is_readable(body: dict[str, Any]) -> bool:
    """Return True if this release can read a task message, so that its replicas can run the task."""
    try:
        TaskMessage.model_validate(body)
    except ValidationError:
        return False
    return True
