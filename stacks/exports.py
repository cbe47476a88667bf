"""What one stack knows of another: plain names and ARNs, each an export that CloudFormation keeps while it is used."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BucketExport:
    """A bucket."""

    name: str
    arn: str


@dataclass(frozen=True)
class StorageExports:
    """What the others know of the storage stack."""

    model_bucket: BucketExport
    task_bucket: BucketExport
    output_bucket: BucketExport
    table_name: str
    table_arn: str
    table_stream_arn: str


@dataclass(frozen=True)
class QueueReference:
    """A runtime's queue, by references that are weak: they do not keep it from being removed with its runtime.

    No scaling rule looks at its other queue, of tasks of low priority: they wait, and no replica is started for them.
    """

    name: str
    url: str
    arn: str
    low_priority_url: str
    low_priority_arn: str


@dataclass(frozen=True)
class MessagingExports:
    """What the others know of the messaging stack.

    No export belongs to a single runtime: CloudFormation refuses to remove one that another stack uses, so no runtime
    could ever be taken out of an environment. The queues are known by weak references instead.
    """

    topic_key_arn: str
    intake_queue_arn: str
    task_topic_arn: str
    completion_topic_arn: str
    runtime_queues: Mapping[str, QueueReference]
