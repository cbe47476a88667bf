"""The queue of one runtime: takes from the task topic what is addressed to it, and keeps it for the replicas."""

from aws_cdk import Duration, aws_sns, aws_sns_subscriptions
from constructs import Construct

from contract.record import MAX_ATTEMPTS
from contract.routing import runtime_filter_policy
from stacks.config import RuntimeConfig
from stacks.constructs.task_queue import TaskQueue


class RuntimeQueue(TaskQueue):
    """Bodies arrive raw, as the router wrote them.

    Tasks of low priority wait in a queue of their own, which replicas empty when they have nothing else to do and at
    which no scaling rule looks.
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
        self.low_priority_queue = self.another_queue("LowPriorityQueue")
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
                    # What SNS cannot deliver for good, it would drop.
                    dead_letter_queue=self.dead_letters,
                )
            )
