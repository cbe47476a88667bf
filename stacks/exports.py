"""References between stacks, each an export that CloudFormation keeps while it is used, and an engine's resources."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from constructs import Construct

from stacks.config import Environment, Network
from stacks.constructs.runtime.gpu_network import ExistingNetwork, GpuNetwork, NewNetwork
from stacks.constructs.shared_names import SharedNames


@dataclass(frozen=True)
class BucketExport:
    """Name and ARN of a bucket."""

    name: str
    arn: str


@dataclass(frozen=True)
class QueueReference:
    """Weak references of one stack to a runtime's queues, which allow their removal together with the runtime.

    `name`, `url` and `arn` belong to the queue that scaling reads. No replica is started for tasks of low priority.
    """

    name: str
    url: str
    arn: str
    low_priority_url: str
    low_priority_arn: str


@dataclass(frozen=True)
class StorageExports:
    """References to the storage stack."""

    model_bucket: BucketExport
    task_bucket: BucketExport
    output_bucket: BucketExport
    table_name: str
    table_arn: str
    table_stream_arn: str

    def runtime_resources(self, queue: QueueReference) -> dict[str, str]:
        """Return the resources of the queue's runtime, by the variables of its containers that name them."""
        return {
            "QUEUE_URL": queue.url,
            "LOW_PRIORITY_QUEUE_URL": queue.low_priority_url,
            "TASK_TABLE": self.table_name,
            "TASK_BUCKET": self.task_bucket.name,
            "OUTPUT_BUCKET": self.output_bucket.name,
            "MODEL_BUCKET": self.model_bucket.name,
        }


@dataclass(frozen=True)
class TaskTopics:
    """ARNs of the task topic, the completion topic, the publishers' topics by name, and the key of all topics."""

    key_arn: str
    task_arn: str
    completion_arn: str
    publisher_arns: Mapping[str, str]


@dataclass(frozen=True)
class MessagingExports:
    """References to the messaging stack.

    No export belongs to a single runtime or publisher. CloudFormation refuses to remove an export in use, so none could
    be removed from an environment. The references to queues and to publishers' topics are weak instead.
    """

    key_arn: str
    task_topic_arn: str
    completion_topic_arn: str
    intake_queue_arn: str
    #: ARNs by the publisher's name; None without publishers.
    publisher_topics: SharedNames | None
    #: Fields of `QueueReference`, by the runtime's name.
    runtime_queues: Mapping[str, SharedNames]

    def topics(self, scope: Construct) -> TaskTopics:
        """Return the topics for the stack `scope`."""
        return TaskTopics(
            key_arn=self.key_arn,
            task_arn=self.task_topic_arn,
            completion_arn=self.completion_topic_arn,
            publisher_arns=self.publisher_topics.read(scope) if self.publisher_topics else {},
        )

    def queues(self, scope: Construct) -> dict[str, QueueReference]:
        """Return the queues of all runtimes for the stack `scope`, by the runtime's name."""
        return {runtime: QueueReference(**names.read(scope)) for runtime, names in self.runtime_queues.items()}


@dataclass(frozen=True)
class EngineResources:
    """Resources of an environment that the stack of either engine uses.

    `project` contains the Dockerfile of the runtimes.
    """

    environment: Environment
    network: Network
    new_network: NewNetwork | None
    storage: StorageExports
    messaging: MessagingExports
    project: Path

    def gpu_network(self, scope: Construct) -> GpuNetwork:
        """Return the network of the GPU nodes; `scope` is the stack that refers to an existing one."""
        return self.new_network or ExistingNetwork(scope, "Network", network=self.network)
