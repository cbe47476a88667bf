"""Composition of a submission, shared by all functions that submit tasks."""

from dataclasses import dataclass

from pydantic import Json

from contract.routing import Catalogue
from lambdas.authorize.authorizer import Authorizer, compose_authorizer
from lambdas.http.cross_origin import CrossOriginSettings
from lambdas.messaging.topics import SnsTopic
from lambdas.runtime.clients import client, dynamodb
from lambdas.runtime.clock import now_ms
from lambdas.tasks.active_task_limit import ActiveTaskLimit
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.output_bucket import OutputBucket
from lambdas.tasks.own_links import OwnLinks
from lambdas.tasks.publisher import TaskPublisher
from lambdas.tasks.repository import CatalogueSettings, task_repository
from lambdas.tasks.submission import TaskSubmission
from lambdas.tasks.waiter import TaskWaiter
from lambdas.tasks.webui_responses import WebUiResponses
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


class WaitingSettings(SubmissionSettings, CrossOriginSettings):
    """Settings of functions that wait for tasks; the keys are those of their function URL."""

    api_key_secret_arns: Json[dict[str, str]]


@dataclass(frozen=True)
class SubmissionServices:
    """Collaborators of a submission."""

    catalogue: Catalogue
    repository: TaskRepository
    models: CheckpointCatalogue
    own_links: OwnLinks
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
    own_links = OwnLinks(client=client("s3"), task_bucket=settings.task_bucket, output_bucket=settings.output_bucket)
    submission = TaskSubmission(
        catalogue=settings.catalogue,
        find_checkpoint=models.find_checkpoint,
        has_object=models.has_object,
        own_links=own_links,
        repository=repository,
        bucket=bucket,
        publisher=TaskPublisher(topic=topic, bucket=bucket, repository=repository),
        now_ms=now_ms,
        create=create,
    )
    return SubmissionServices(settings.catalogue, repository, models, own_links, bucket, submission)


@dataclass(frozen=True)
class WaitingServices(SubmissionServices):
    """Collaborators of a function that submits tasks, waits for them, and returns the Web UI's responses."""

    waiter: TaskWaiter
    outputs: OutputBucket
    responses: WebUiResponses
    authorizer: Authorizer


def compose_waiting(settings: WaitingSettings) -> WaitingServices:
    """Compose a submission that waits, with its AWS clients."""
    services = compose_submission(settings)
    outputs = OutputBucket(client=client("s3"))
    return WaitingServices(
        **vars(services),
        waiter=TaskWaiter(repository=services.repository),
        outputs=outputs,
        responses=WebUiResponses(outputs=outputs),
        authorizer=compose_authorizer(settings.api_key_secret_arns),
    )
