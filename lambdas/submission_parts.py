"""The collaborators of a submission, composed once for all functions that take tasks in."""

from dataclasses import dataclass

from contract.routing import Catalogue
from lambdas.active_tasks import ActiveTaskLimit
from lambdas.clients import client, dynamodb
from lambdas.model_bucket import ModelBucket
from lambdas.submission_settings import SubmissionSettings
from lambdas.task_publisher import TaskPublisher
from lambdas.task_retry import TaskRetry
from lambdas.task_submission import TaskSubmission
from lambdas.tasks.repository import task_repository
from lambdas.topic import SnsTopic
from task_store.active_runs import ActiveRuns
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket


@dataclass(frozen=True)
class SubmissionParts:
    """What it takes to check a task and take it in."""

    catalogue: Catalogue
    repository: TaskRepository
    models: ModelBucket
    task_bucket: TaskBucket
    tasks: TaskSubmission
    retries: TaskRetry


def submission_parts(settings: SubmissionSettings) -> SubmissionParts:
    """Make the parts with their AWS clients."""
    repository = task_repository(settings)
    bucket = TaskBucket(client=client("s3"), bucket=settings.task_bucket)
    topic = SnsTopic(client=client("sns"), topic_arn=settings.task_topic_arn)
    create = None
    if settings.active_tasks_per_key:
        runs = ActiveRuns(client=dynamodb(), table_name=settings.task_table)
        create = ActiveTaskLimit(runs=runs, repository=repository, limit=settings.active_tasks_per_key).create
    publisher = TaskPublisher(topic=topic, bucket=bucket, repository=repository)
    return SubmissionParts(
        catalogue=settings.catalogue,
        repository=repository,
        models=ModelBucket(client=client("s3"), bucket=settings.model_bucket),
        task_bucket=bucket,
        tasks=TaskSubmission(repository=repository, bucket=bucket, publisher=publisher, create=create),
        retries=TaskRetry(repository=repository, bucket=bucket, publisher=publisher, create=create),
    )
