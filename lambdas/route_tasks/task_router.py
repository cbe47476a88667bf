"""Router of the entry topic: each message becomes a recorded and published task, or a rejection."""

from typing import Any

from contract.errors import DarkroomError
from contract.json_values import parse_json_object
from contract.record import Record
from contract.routing import Catalogue, FindCheckpoint
from contract.submission import parse_submission
from lambdas.messaging.topics import Topic, publish_rejection
from lambdas.runtime.observability import count, logger
from lambdas.tasks.submission import TaskSubmission
from task_store.envelope import Delivery
from task_store.task_bucket import TaskBucket


class TaskRouter:
    """Routes one message at a time; an error means that the message must be delivered again."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        find_checkpoint: FindCheckpoint,
        task_bucket: TaskBucket,
        tasks: TaskSubmission,
        completion_topic: Topic,
    ) -> None:
        self._catalogue = catalogue
        self._find_checkpoint = find_checkpoint
        self._task_bucket = task_bucket
        self._tasks = tasks
        self._completion_topic = completion_topic

    def route(self, delivery: Delivery, *, now_ms: int) -> None:
        """Submit the task, or publish a rejection with the reason."""
        body: dict[str, Any] | None = None
        try:
            body = parse_json_object(self._task_bucket.resolve(delivery.body))
            record = self._submit(body, delivery, now_ms)
        except DarkroomError as error:
            if error.retryable:
                raise
            publish_rejection(self._completion_topic, error, body=body, message_id=delivery.message_id)
            logger().warning("task_rejected", error=error.as_dict(), message_id=delivery.message_id)
            count("TasksRejected", code=error.as_dict()["code"])
            return
        logger().info("task_accepted", task_id=record.id, run_id=record.run_id, runtime=record.runtime)
        count("TasksAccepted", runtime=record.runtime)

    def _submit(self, body: dict[str, Any], delivery: Delivery, now_ms: int) -> Record:
        submission = parse_submission(
            body,
            catalogue=self._catalogue,
            find_checkpoint=self._find_checkpoint,
            runtime_name=delivery.attributes.get("runtime"),
            generated_id=delivery.message_id,
        )
        return self._tasks.submit(submission, submission_id=delivery.message_id, now_ms=now_ms)
