"""The collaborators of a submission, composed once for all functions that take tasks in."""

from dataclasses import dataclass

from contract.routing import Catalogue
from lambdas.active_tasks import ActiveTasks
from lambdas.clients import client, dynamodb
from lambdas.model_bucket import ModelBucket
from lambdas.submission_settings import SubmissionSettings
from lambdas.task_bucket import TaskBucket
from lambdas.task_publisher import TaskPublisher
from lambdas.task_retry import TaskRetry
from lambdas.task_submission import TaskSubmission
from lambdas.task_table import TaskTable
from lambdas.topic import SnsTopic


@dataclass(frozen=True)
class SubmissionParts:
    """What it takes to check a task and take it in."""

    catalogue: Catalogue
    table: TaskTable
    models: ModelBucket
    task_bucket: TaskBucket
    tasks: TaskSubmission
    retries: TaskRetry


def submission_parts(settings: SubmissionSettings) -> SubmissionParts:
    """Make the parts with their AWS clients."""
    table = TaskTable(client=dynamodb(), table_name=settings.task_table, retention_seconds=settings.retention_seconds)
    bucket = TaskBucket(client=client("s3"), bucket=settings.task_bucket)
    topic = SnsTopic(client=client("sns"), topic_arn=settings.task_topic_arn)
    create = None
    if settings.active_tasks_per_key:
        create = ActiveTasks(
            client=dynamodb(), table=table, table_name=settings.task_table, limit=settings.active_tasks_per_key
        ).create
    publisher = TaskPublisher(topic=topic, bucket=bucket, table=table)
    return SubmissionParts(
        catalogue=settings.catalogue,
        table=table,
        models=ModelBucket(client=client("s3"), bucket=settings.model_bucket),
        task_bucket=bucket,
        tasks=TaskSubmission(table=table, bucket=bucket, publisher=publisher, create=create),
        retries=TaskRetry(table=table, bucket=bucket, publisher=publisher, create=create),
    )
