"""What a runtime's container may do in AWS, whichever engine runs it."""

from collections.abc import Sequence

from aws_cdk import aws_iam
from constructs import Construct

from stacks.constructs.acknowledgement import acknowledge_wildcard
from stacks.exports import QueueReference, StorageExports


class RuntimeRole(aws_iam.Role):
    """The role of a runtime's containers: its own queue, the records of tasks, the objects that it reads and writes.

    Args:
        assumed_by: Who hands the role to the containers.
        queue: The runtime's queue.
        link_buckets: Buckets of others that `s3://` links may point to.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        assumed_by: aws_iam.IPrincipal,
        queue: QueueReference,
        storage: StorageExports,
        link_buckets: Sequence[str],
    ) -> None:
        super().__init__(scope, id_, assumed_by=assumed_by)
        for queue_arn in (queue.arn, queue.low_priority_arn):
            self._allow("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", on=queue_arn)
        self._allow("dynamodb:GetItem", "dynamodb:UpdateItem", on=storage.table_arn)
        self._allow(
            "s3:GetObject",
            on=f"{storage.task_bucket.arn}/*",
            reason="Messages that were too large lie under the ids of their tasks, or where their publisher put them",
        )
        self._allow(
            "s3:GetObject",
            "s3:PutObject",
            on=f"{storage.output_bucket.arn}/*",
            reason="Tasks choose the folder of their outputs, and outputs are inputs of later tasks",
        )
        self._allow(
            "s3:GetObject", on=f"{storage.model_bucket.arn}/*", reason="Which models there are is the bucket's to say"
        )
        for bucket in (storage.model_bucket, storage.task_bucket):
            # Without it S3 answers 403 instead of 404 where there is no such object.
            self._allow("s3:ListBucket", on=bucket.arn)
        for name in link_buckets:
            bucket_arn = f"arn:{self.stack.partition}:s3:::{name}"
            self._allow("s3:GetObject", on=f"{bucket_arn}/*", reason="Links may point to any object in these buckets")

    def allow_traces(self) -> None:
        """Let a collector in the containers' company hand their spans to X-Ray."""
        self._allow(
            "xray:PutTraceSegments", on="*", reason="Traces belong to no resource: X-Ray has no ARN to name here"
        )

    def _allow(self, *actions: str, on: str, reason: str = "") -> None:
        if reason:
            acknowledge_wildcard(self, on, reason)
        self.add_to_policy(aws_iam.PolicyStatement(actions=list(actions), resources=[on]))
