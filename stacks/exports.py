"""References between stacks: names and ARNs, each an export that CloudFormation keeps while it is used."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BucketExport:
    """Name and ARN of a bucket."""

    name: str
    arn: str


@dataclass(frozen=True)
class StorageExports:
    """References to the storage stack."""

    model_bucket: BucketExport
    task_bucket: BucketExport
    output_bucket: BucketExport
    table_name: str
    table_arn: str
    table_stream_arn: str


@dataclass(frozen=True)
class QueueReference:
    """Weak references to a runtime's queues, which allow their removal together with the runtime.

    `name`, `url` and `arn` belong to the queue that scaling reads. No replica is started for tasks of low priority.
    """

    name: str
    url: str
    arn: str
    low_priority_url: str
    low_priority_arn: str


@dataclass(frozen=True)
class TaskTopics:
    """ARNs of the task topic, the completion topic, the publishers' topics by name, and the key of all topics."""

    key_arn: str
    task_arn: str
    completion_arn: str
    #: Weak references, as a publisher may leave the environment.
    publisher_arns: Mapping[str, str]


@dataclass(frozen=True)
class MessagingExports:
    """References to the messaging stack.

    No export belongs to a single runtime. CloudFormation refuses to remove an export in use, so no runtime could be
    removed from an environment. The references to the queues are weak instead.
    """

    topics: TaskTopics
    intake_queue_arn: str
    runtime_queues: Mapping[str, QueueReference]
