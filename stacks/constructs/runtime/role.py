"""Role of a runtime's containers, the same for every engine."""

from aws_cdk import aws_iam
from constructs import Construct

from contract.storage import LINKED_TAG, message_folder
from contract.upload import UPLOAD_FOLDER
from stacks.config import Environment
from stacks.constructs.permissions import allow
from stacks.exports import QueueReference, StorageExports


class RuntimeRole(aws_iam.Role):
    """Permissions on the runtime's queues, the task records, and the objects that replicas read and write.

    Args:
        assumed_by: Principal that gives the role to the containers.
        runtime_name: Name of the runtime, whose large messages the replicas read.
        queue: Queues of the runtime.
        environment: Names other owners' buckets that `s3://` links may name, and places for copies of pictures.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        assumed_by: aws_iam.IPrincipal,
        runtime_name: str,
        queue: QueueReference,
        storage: StorageExports,
        environment: Environment,
    ) -> None:
        super().__init__(scope, id_, assumed_by=assumed_by)
        for queue_arn in (queue.arn, queue.low_priority_arn):
            allow(self, "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage", on=queue_arn)
        allow(self, "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem", on=storage.table_arn)
        allow(
            self,
            "s3:GetObject",
            on=f"{storage.task_bucket.arn}/{message_folder(runtime_name)}/*",
            wildcard_reason="Large messages lie under the ids of their tasks",
        )
        allow(
            self,
            "s3:GetObject",
            on=[f"{storage.task_bucket.arn}/{UPLOAD_FOLDER}/*", f"{storage.output_bucket.arn}/*"],
            wildcard_reason="Uploads and outputs are inputs of tasks; the edge marks those that a sender may link",
            conditions={"StringEquals": {f"s3:ExistingObjectTag/{key}": value for key, value in LINKED_TAG.items()}},
        )
        allow(
            self,
            "s3:PutObject",
            on=f"{storage.output_bucket.arn}/*",
            wildcard_reason="Tasks choose the folder of their outputs",
            # Only a write that fails if the object exists.
            conditions={"Null": {"s3:if-none-match": "false"}},
        )
        allow(
            self,
            "s3:PutObject",
            on=f"{storage.output_bucket.arn}/*-preview.*",
            wildcard_reason="The newest preview of a running task replaces the one before",
        )
        allow(
            self,
            "s3:GetObject",
            on=f"{storage.model_bucket.arn}/*",
            wildcard_reason="The bucket's content decides which models exist",
        )
        # The downloader lists the models. No other bucket shows a replica what it has.
        allow(self, "s3:ListBucket", on=storage.model_bucket.arn)
        for each in environment.output_destinations:
            allow(
                self,
                "s3:PutObject",
                on=f"arn:{self.stack.partition}:s3:::{each.place}/*",
                wildcard_reason="Tasks choose the folder below the places that the environment names",
                conditions={"Null": {"s3:if-none-match": "false"}},
            )
        for name in environment.link_buckets:
            allow(
                self,
                "s3:GetObject",
                on=f"arn:{self.stack.partition}:s3:::{name}/*",
                wildcard_reason="Links may name any object in these buckets",
            )
        if environment.tracing:
            allow(
                self,
                "xray:PutTraceSegments",
                on="*",
                wildcard_reason="Traces belong to no resource: X-Ray has no ARN to name here",
            )
