"""Task queues with their dead-letter queues."""

from typing import Final

from aws_cdk import Duration, aws_sns, aws_sns_subscriptions, aws_sqs
from constructs import Construct

from contract.record import MAX_ATTEMPTS
from contract.routing import runtime_filter_policy
from stacks.config import RuntimeConfig

#: Days that a message may wait. A task's `ttl` ends after 7 days at most (`contract.task.MAX_POLICY_MS`), so one more
#: day never loses a task that may still run.
QUEUE_RETENTION_DAYS: Final = 8
#: SQS's maximum. A message keeps its age in the dead-letter queue, so this must exceed QUEUE_RETENTION_DAYS.
DEAD_LETTER_RETENTION_DAYS: Final = 14


#: Seconds for which a dead letter that no function consumes is an operator's, who reads it.
OPERATOR_VISIBILITY_SECONDS: Final = 30


class DeadLetterQueue(aws_sqs.Queue):
    """Encrypted queue of undeliverable messages, over TLS only.

    `has_consumer` is False if an operator reads the messages, and True if a function does.
    """

    def __init__(self, scope: Construct, id_: str, *, visibility_timeout: Duration, has_consumer: bool) -> None:
        super().__init__(
            scope,
            id_,
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(DEAD_LETTER_RETENTION_DAYS),
            visibility_timeout=visibility_timeout,
        )
        self.has_consumer = has_consumer


class RedrivingQueue(Construct):
    """Queue and its dead-letter queue, which receives a message after `max_receives` deliveries.

    Without `dead_letter_visibility_timeout` no function consumes the dead letters.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        visibility_timeout: Duration,
        max_receives: int,
        dead_letter_visibility_timeout: Duration | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self.dead_letters = DeadLetterQueue(
            self,
            "DeadLetterQueue",
            visibility_timeout=dead_letter_visibility_timeout or Duration.seconds(OPERATOR_VISIBILITY_SECONDS),
            has_consumer=dead_letter_visibility_timeout is not None,
        )
        self._visibility_timeout = visibility_timeout
        self._redrive = aws_sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=max_receives)
        self.queue = self.add_queue("Queue")

    def add_queue(self, id_: str) -> aws_sqs.Queue:
        """Create a queue that shares the dead-letter queue."""
        return aws_sqs.Queue(
            self,
            id_,
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(QUEUE_RETENTION_DAYS),
            visibility_timeout=self._visibility_timeout,
            dead_letter_queue=self._redrive,
        )


class RuntimeQueue(RedrivingQueue):
    """Queue of one runtime, filled from the task topic with raw bodies as the router wrote them.

    Tasks of low priority wait in a second queue. Replicas read it only when the first is empty, and scaling ignores it.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        runtime: RuntimeConfig,
        task_topic: aws_sns.ITopic,
        dead_letter_visibility_timeout: Duration,
    ) -> None:
        super().__init__(
            scope,
            id_,
            visibility_timeout=Duration.seconds(runtime.visibility_timeout_seconds),
            dead_letter_visibility_timeout=dead_letter_visibility_timeout,
            max_receives=MAX_ATTEMPTS,
        )
        self.runtime = runtime
        self.low_priority_queue = self.add_queue("LowPriorityQueue")
        for queue, low_priority in ((self.queue, False), (self.low_priority_queue, True)):
            policy = runtime_filter_policy(runtime.name, low_priority=low_priority)
            task_topic.add_subscription(
                aws_sns_subscriptions.SqsSubscription(
                    queue,
                    raw_message_delivery=True,
                    filter_policy={
                        attribute: aws_sns.SubscriptionFilter.string_filter(allowlist=values)
                        for attribute, values in policy.items()
                    },
                    # SNS drops a message that it cannot deliver, unless there is a dead-letter queue.
                    dead_letter_queue=self.dead_letters,
                )
            )
