"""Router of the entry topic: each message becomes a recorded and published task, or a rejection."""

from functools import partial
from typing import Any

from contract.errors import DarkroomError
from contract.json_values import parse_json_object
from contract.tenancy import Tenancy
from lambdas.messaging.topics import Topic, publish_rejection
from lambdas.runtime.observability import count, logger
from lambdas.tasks.submission import TaskSubmission
from task_store.envelope import Delivery
from task_store.task_bucket import TaskBucket


class TaskRouter:
    """Routes one message at a time; an error means that the message must be delivered again."""

    def __init__(
        self, *, task_bucket: TaskBucket, submission: TaskSubmission, completion_topic: Topic, tenancy: Tenancy
    ) -> None:
        self._task_bucket = task_bucket
        self._submission = submission
        self._completion_topic = completion_topic
        self._tenancy = tenancy

    def route(self, delivery: Delivery) -> None:
        """Submit the task, or publish a rejection with the reason."""
        body: dict[str, Any] | None = None
        tenant = self._tenancy.of_topic(delivery.topic_arn)
        attribute = delivery.attributes.get("runtime")
        try:
            may_point_to = partial(self._tenancy.may_point_to, delivery.topic_arn)
            body = parse_json_object(self._task_bucket.resolve(delivery.body, may_point_to=may_point_to))
            self._submission.submit(
                body,
                submission_id=delivery.message_id,
                runtime_name=attribute,
                generated_id=delivery.message_id,
                tenant=tenant,
            )
        except DarkroomError as error:
            if error.retryable:
                raise
            publish_rejection(
                self._completion_topic,
                error,
                body=body,
                message_id=delivery.message_id,
                # Subscribers of a runtime filter by it.
                runtime=self._submission.runtime_of(body or {}) or attribute,
                tenant=tenant.name,
            )
            logger().warning("task_rejected", error=error.as_dict(), message_id=delivery.message_id)
            count("TasksRejected", code=error.as_dict()["code"])
