"""Messaging stack: entry topic to intake queue, task topic to runtime queues, completion topic to callers."""

from dataclasses import asdict
from typing import Any, Final

from aws_cdk import CfnOutput, Stack, aws_sns_subscriptions
from constructs import Construct

from stacks.config import Environment
from stacks.constructs.functions.outcome_functions import DEAD_LETTER_TIMEOUT_SECONDS, fail_dead_letters
from stacks.constructs.functions.submission_functions import ROUTE_TIMEOUT_SECONDS
from stacks.constructs.functions.task_function import FunctionPlatform, TaskResources, queue_visibility_timeout
from stacks.constructs.messaging.queues import RedrivingQueue, RuntimeQueue
from stacks.constructs.messaging.topics import (
    EncryptedTopic,
    TopicKey,
    TopicSubscribers,
    allow_publishers,
    allow_use_of_key,
)
from stacks.constructs.retention import removal_policy_of
from stacks.constructs.shared_names import SharedNames
from stacks.exports import MessagingExports, QueueReference, StorageExports, TaskTopics

#: Deliveries of a message to the router before it is a dead letter. A function that dies fails its whole batch.
INTAKE_MAX_RECEIVES: Final = 5


class MessagingStack(Stack):
    """Topics and queues of an environment, and the function that empties its dead-letter queues."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: Environment,
        storage: StorageExports,
        platform: FunctionPlatform,
        **stack: Any,
    ) -> None:
        super().__init__(scope, id_, **stack)
        key = TopicKey(self, "TopicKey", removal_policy=removal_policy_of(environment))
        entry = self._entry_topic("EntryTopic", key, environment)
        publisher_topics: dict[str, EncryptedTopic] = {}
        if environment.publishers:
            allow_use_of_key(environment.publishers, key=key)
            if environment.isolate_keys:
                for publisher in environment.publishers:
                    topic = self._entry_topic(f"EntryTopic-{publisher.name}", key, environment)
                    allow_publishers([publisher], topic=topic)
                    publisher_topics[publisher.name] = topic
            else:
                allow_publishers(environment.publishers, topic=entry)
        tasks = EncryptedTopic(self, "TaskTopic", key=key)
        completion = EncryptedTopic(self, "CompletionTopic", key=key)
        TopicSubscribers(self, "CompletionSubscribers", topic=completion, subscribers=environment.callbacks)

        dead_letter_visibility_timeout = queue_visibility_timeout(DEAD_LETTER_TIMEOUT_SECONDS)
        intake = RedrivingQueue(
            self,
            "Intake",
            visibility_timeout=queue_visibility_timeout(ROUTE_TIMEOUT_SECONDS),
            dead_letter_visibility_timeout=dead_letter_visibility_timeout,
            max_receives=INTAKE_MAX_RECEIVES,
        )
        # Not raw: by the envelope's MessageId the router recognizes a redelivery of the same submission.
        # The envelope also names the topic, by which the router knows the tenant.
        for topic in (entry, *publisher_topics.values()):
            topic.add_subscription(
                aws_sns_subscriptions.SqsSubscription(intake.queue, dead_letter_queue=intake.dead_letters)
            )
        runtimes = [
            RuntimeQueue(
                self,
                f"Runtime{runtime.pascal_name}",
                runtime=runtime,
                task_topic=tasks,
                dead_letter_visibility_timeout=dead_letter_visibility_timeout,
            )
            for runtime in environment.runtimes
        ]
        topics = TaskTopics(
            key_arn=key.key_arn,
            task_arn=tasks.topic_arn,
            completion_arn=completion.topic_arn,
            publisher_arns={name: topic.topic_arn for name, topic in publisher_topics.items()},
        )
        resources = TaskResources(platform=platform, storage=storage, topics=topics)
        queues = {"Intake": intake, **{runtime.node.id: runtime for runtime in runtimes}}
        fail_dead_letters(self, resources, queues=queues)

        CfnOutput(self, "EntryTopicArn", value=entry.topic_arn, description="Post tasks here")
        if publisher_topics:
            CfnOutput(
                self,
                "PublisherTopicArns",
                value=self.to_json_string(topics.publisher_arns),
                description="Topic of each publisher, by name",
            )
        CfnOutput(self, "TaskTopicArn", value=tasks.topic_arn, description="Checked tasks for the runtimes' queues")
        CfnOutput(self, "CompletionTopicArn", value=completion.topic_arn, description="Subscribe here for callbacks")
        for runtime in runtimes:
            name = runtime.node.id
            CfnOutput(self, f"{name}QueueUrl", value=runtime.queue.queue_url)
            CfnOutput(self, f"{name}LowPriorityQueueUrl", value=runtime.low_priority_queue.queue_url)
            CfnOutput(self, f"{name}DeadLetterQueueUrl", value=runtime.dead_letters.queue_url)
        key_arn, intake_queue_arn, task_arn, completion_arn = map(
            self.export_value, (key.key_arn, intake.queue.queue_arn, tasks.topic_arn, completion.topic_arn)
        )
        self.exports = MessagingExports(
            key_arn=key_arn,
            task_topic_arn=task_arn,
            completion_topic_arn=completion_arn,
            intake_queue_arn=intake_queue_arn,
            publisher_topics=SharedNames(self, "PublisherTopics", topics.publisher_arns) if publisher_topics else None,
            runtime_queues={runtime.runtime.name: _shared_names(runtime) for runtime in runtimes},
        )

    def _entry_topic(self, id_: str, key: TopicKey, environment: Environment) -> EncryptedTopic:
        return EncryptedTopic(self, id_, key=key, maximum_message_bytes=environment.entry_topic_bytes)


def _shared_names(runtime: RuntimeQueue) -> SharedNames:
    queue, low = runtime.queue, runtime.low_priority_queue
    names = QueueReference(
        name=queue.queue_name,
        url=queue.queue_url,
        arn=queue.queue_arn,
        low_priority_url=low.queue_url,
        low_priority_arn=low.queue_arn,
    )
    return SharedNames(Stack.of(runtime), f"QueuesOf{runtime.node.id}", asdict(names))
