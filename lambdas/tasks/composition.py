"""Composition of a submission, shared by all functions that submit tasks."""

from dataclasses import dataclass

from pydantic import Field, Json

from contract.routing import Catalogue
from lambdas.messaging.topics import SnsTopic
from lambdas.runtime.clients import client, dynamodb
from lambdas.tasks.active_task_limit import ActiveTaskLimit
from lambdas.tasks.model_bucket import ModelBucket
from lambdas.tasks.publisher import TaskPublisher
from lambdas.tasks.repository import RepositorySettings, task_repository
from lambdas.tasks.retry import TaskRetry
from lambdas.tasks.submission import TaskSubmission
from task_store.active_runs import ActiveRuns
from task_store.repository import TaskRepository
from task_store.task_bucket import TaskBucket


class SubmissionSettings(RepositorySettings):
    """The places of a submission, and the runtimes it may name."""

    task_bucket: str
    model_bucket: str
    output_bucket: str
    task_topic_arn: str
    runtimes: str = Field(description="the catalogue, as JSON")
    active_tasks_per_key: int | None = None

    @property
    def catalogue(self) -> Catalogue:
        """The configured runtimes."""
        return Catalogue.from_json(self.runtimes)


class WaitingSettings(SubmissionSettings):
    """Settings of functions that wait for tasks: the keys of their function URL."""

    api_key_secret_arns: Json[dict[str, str]]


@dataclass(frozen=True)
class SubmissionServices:
    """Collaborators of a submission."""

    catalogue: Catalogue
    repository: TaskRepository
    models: ModelBucket
    task_bucket: TaskBucket
    tasks: TaskSubmission
    retries: TaskRetry


def compose_submission(settings: SubmissionSettings) -> SubmissionServices:
    """Make the parts with their AWS clients."""
    repository = task_repository(settings)
    bucket = TaskBucket(client=client("s3"), bucket=settings.task_bucket)
    topic = SnsTopic(client=client("sns"), topic_arn=settings.task_topic_arn)
    create = None
    if settings.active_tasks_per_key:
        runs = ActiveRuns(client=dynamodb(), table_name=settings.task_table)
        create = ActiveTaskLimit(runs=runs, repository=repository, limit=settings.active_tasks_per_key).create
    publisher = TaskPublisher(topic=topic, bucket=bucket, repository=repository)
    return SubmissionServices(
        catalogue=settings.catalogue,
        repository=repository,
        models=ModelBucket(client=client("s3"), bucket=settings.model_bucket),
        task_bucket=bucket,
        tasks=TaskSubmission(repository=repository, bucket=bucket, publisher=publisher, create=create),
        retries=TaskRetry(repository=repository, bucket=bucket, publisher=publisher, create=create),
    )
