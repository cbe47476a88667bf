"""Storage stack: buckets for models, large messages and outputs, and the task table."""

from typing import Any, Final

from aws_cdk import CfnOutput, Duration, Stack, Token, aws_s3
from constructs import Construct

from contract.task import MAX_POLICY_MS
from stacks.config import Environment
from stacks.constructs.retention import removal_policy_of
from stacks.constructs.storage.buckets import AccessLogBucket, PrivateBucket
from stacks.constructs.storage.task_table import TaskTable
from stacks.exports import BucketExport, StorageExports

#: Days in the task bucket: as long as a task can wait and then run, and one day more.
MESSAGE_RETENTION_DAYS: Final = 2 * MAX_POLICY_MS // (24 * 3600 * 1000) + 1
#: Days in which a checkpoint that was overwritten or deleted by mistake can be restored.
OVERWRITTEN_MODEL_DAYS: Final = 14
#: Days in which an overwritten output can be restored. Each preview of a running task overwrites the one before.
OVERWRITTEN_OUTPUT_DAYS: Final = 2


class StorageStack(Stack):
    """Resources to retain. Those of all other stacks can be created again."""

    def __init__(self, scope: Construct, id_: str, *, environment: Environment, **stack: Any) -> None:
        super().__init__(scope, id_, **stack)
        removal_policy = removal_policy_of(environment)
        # The console comes from the HTTP API, whose stack is created after this one: its address is not known here.
        console = [f"https://*.execute-api.{self.region}.{self.url_suffix}"] if environment.console else []
        page_origins = [*environment.cors, *console]
        access_logs = AccessLogBucket(self, "AccessLogBucket", removal_policy=removal_policy)
        models: aws_s3.IBucket
        if environment.model_bucket:
            models = aws_s3.Bucket.from_bucket_name(self, "ModelBucket", environment.model_bucket)
        else:
            models = PrivateBucket(
                self,
                "ModelBucket",
                removal_policy=removal_policy,
                access_logs=access_logs,
                keep_overwritten_for=Duration.days(OVERWRITTEN_MODEL_DAYS),
            )
        tasks = PrivateBucket(
            self,
            "TaskBucket",
            removal_policy=removal_policy,
            access_logs=access_logs,
            expires_after=Duration.days(MESSAGE_RETENTION_DAYS),
            upload_origins=page_origins,
        )
        days = environment.output_retention_days
        outputs = PrivateBucket(
            self,
            "OutputBucket",
            removal_policy=removal_policy,
            access_logs=access_logs,
            expires_after=Duration.days(days) if days else None,
            # A replica may write to the bucket and delete no version, so it cannot destroy an output.
            keep_overwritten_for=Duration.days(OVERWRITTEN_OUTPUT_DAYS),
            download_origins=page_origins,
        )
        table = TaskTable(self, "TaskTable", removal_policy=removal_policy)

        CfnOutput(self, "ModelBucketName", value=models.bucket_name, description="Holds Stable-diffusion/{checkpoint}")
        CfnOutput(self, "TaskBucketName", value=tasks.bucket_name, description="Messages too large for a topic")
        CfnOutput(self, "OutputBucketName", value=outputs.bucket_name, description="Pictures and .out files")
        CfnOutput(self, "TaskTableName", value=table.table_name, description="Records of tasks")
        self.exports = StorageExports(
            model_bucket=self._export_bucket(models),
            task_bucket=self._export_bucket(tasks),
            output_bucket=self._export_bucket(outputs),
            table_name=self.export_value(table.table_name),
            table_arn=self.export_value(table.table_arn),
            table_stream_arn=self.export_value(table.table_stream_arn),
        )

    def _export_bucket(self, bucket: aws_s3.IBucket) -> BucketExport:
        if not Token.is_unresolved(bucket.bucket_name):
            # The name of an existing bucket is known without an export.
            return BucketExport(name=bucket.bucket_name, arn=bucket.bucket_arn)
        return BucketExport(name=self.export_value(bucket.bucket_name), arn=self.export_value(bucket.bucket_arn))
