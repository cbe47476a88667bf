"""Composition of a submission, shared by all functions that submit tasks."""

from dataclasses import dataclass

from lambdas.messaging.topics import SnsTopic
from lambdas.runtime.clients import client, dynamodb
from lambdas.runtime.clock import now_ms
from lambdas.tasks.active_task_limit import ActiveTaskLimit
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.own_links import OwnLinks
from lambdas.tasks.publisher import TaskPublisher
from lambdas.tasks.repository import CatalogueSettings, task_repository
from lambdas.tasks.submission import TaskSubmission
from task_store.active_runs import ActiveRuns
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket


class SubmissionSettings(CatalogueSettings):
    """Settings of functions that submit tasks."""

    task_bucket: str
    model_bucket: str
    output_bucket: str
    task_topic_arn: str
    active_tasks_per_key: int | None = None


@dataclass(frozen=True)
class SubmissionServices:
    """Collaborators of a submission."""

    repository: TaskRepository
    models: CheckpointCatalogue
    task_bucket: TaskBucket
    submission: TaskSubmission


def compose_submission(settings: SubmissionSettings) -> SubmissionServices:
    """Compose a submission with its AWS clients."""
    repository = task_repository(settings)
    bucket = TaskBucket(client=client("s3"), bucket=settings.task_bucket)
    topic = SnsTopic(client=client("sns"), topic_arn=settings.task_topic_arn)
    create = None
    if settings.active_tasks_per_key:
        runs = ActiveRuns(client=dynamodb(), table_name=settings.task_table)
        create = ActiveTaskLimit(runs=runs, repository=repository, limit=settings.active_tasks_per_key).create
    models = CheckpointCatalogue(client=client("s3"), bucket=settings.model_bucket)
    submission = TaskSubmission(
        catalogue=settings.catalogue,
        find_checkpoint=models.find_checkpoint,
        has_object=models.has_object,
        own_links=OwnLinks(client=client("s3"), task_bucket=settings.task_bucket, output_bucket=settings.output_bucket),
        repository=repository,
        bucket=bucket,
        publisher=TaskPublisher(topic=topic, bucket=bucket, repository=repository),
        now_ms=now_ms,
        create=create,
    )
    return SubmissionServices(repository, models, bucket, submission)
