"""A queue of tasks together with the dead-letter queue that catches what cannot be delivered from it."""

from typing import Final

from aws_cdk import Duration, aws_sqs
from constructs import Construct

#: Days a message may wait. A task's `ttl` ends after 7 days at most (`contract.task.MAX_POLICY_MS`), so a day more
#: than that never loses a task that may still run.
QUEUE_RETENTION_DAYS: Final = 8
#: SQS's maximum. A message keeps its age when it moves here, so this must be longer than the wait before.
DEAD_LETTER_RETENTION_DAYS: Final = 14


class DeadLetterQueue(aws_sqs.Queue):
    """Where messages go that nobody could deliver; encrypted, TLS only."""

    def __init__(self, scope: Construct, id_: str, *, visibility_timeout: Duration) -> None:
        super().__init__(
            scope,
            id_,
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(DEAD_LETTER_RETENTION_DAYS),
            visibility_timeout=visibility_timeout,
        )


class TaskQueue(Construct):
    """A queue and its dead-letter queue; a message that was received `max_receives` times moves over."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        visibility_timeout: Duration,
        dead_letter_visibility_timeout: Duration,
        max_receives: int,
    ) -> None:
        super().__init__(scope, id_)
        self.dead_letters = DeadLetterQueue(self, "DeadLetterQueue", visibility_timeout=dead_letter_visibility_timeout)
        self._visibility_timeout = visibility_timeout
        self._redrive = aws_sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=max_receives)
        self.queue = self.another_queue("Queue")

    def another_queue(self, id_: str) -> aws_sqs.Queue:
        """Make a queue that shares the dead-letter queue."""
        return aws_sqs.Queue(
            self,
            id_,
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(QUEUE_RETENTION_DAYS),
            visibility_timeout=self._visibility_timeout,
            dead_letter_queue=self._redrive,
        )
