"""Composition of the tasks of a function, shared by all functions that submit tasks."""

from lambdas.http.cross_origin import CrossOriginSettings
from lambdas.messaging.topics import SnsTopic
from lambdas.runtime.clients import client, dynamodb
from lambdas.runtime.clock import now_ms
from lambdas.tasks.active_task_limit import ActiveTaskLimit
from lambdas.tasks.caller_tasks import CallerTasks
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.output_bucket import OutputBucket
from lambdas.tasks.own_links import OwnLinks
from lambdas.tasks.publisher import TaskPublisher
from lambdas.tasks.queue_place import QueuePlaces
from lambdas.tasks.repository import CatalogueSettings, task_repository
from lambdas.tasks.submission import TaskSubmission
from lambdas.tasks.waiter import TaskWaiter
from task_store.active_runs import ActiveRuns
from task_store.task_bucket import TaskBucket


class SubmissionSettings(CatalogueSettings):
    """Settings of functions that submit tasks."""

    task_bucket: str
    model_bucket: str
    output_bucket: str
    task_topic_arn: str
    active_tasks_per_key: int | None = None


class CallerSettings(SubmissionSettings, CrossOriginSettings):
    """Settings of functions that submit the tasks of the HTTP API's callers."""


def compose_tasks(settings: SubmissionSettings, *, is_redelivered: bool = False) -> CallerTasks:
    """Compose the tasks of a function with its AWS clients; `is_redelivered` if a queue invokes it."""
    catalogue = settings.catalogue
    repository = task_repository(settings)
    bucket = TaskBucket(client=client("s3"), bucket=settings.task_bucket)
    topic = SnsTopic(client=client("sns"), topic_arn=settings.task_topic_arn)
    limit = None
    if settings.active_tasks_per_key:
        runs = ActiveRuns(client=dynamodb(), table_name=settings.task_table)
        limit = ActiveTaskLimit(runs=runs, repository=repository, limit=settings.active_tasks_per_key)
    models = CheckpointCatalogue(client=client("s3"), bucket=settings.model_bucket)
    submission = TaskSubmission(
        catalogue=catalogue,
        find_checkpoint=models.find_checkpoint,
        has_object=models.has_object,
        own_links=OwnLinks(client=client("s3"), task_bucket=settings.task_bucket, output_bucket=settings.output_bucket),
        repository=repository,
        bucket=bucket,
        publisher=TaskPublisher(topic=topic, bucket=bucket, repository=repository),
        now_ms=now_ms,
        limit=limit,
        is_redelivered=is_redelivered,
    )
    return CallerTasks(
        catalogue=catalogue,
        repository=repository,
        task_bucket=bucket,
        outputs=OutputBucket(client=client("s3")),
        output_bucket=settings.output_bucket,
        places=QueuePlaces(repository=repository, now_ms=now_ms),
        models=models,
        submission=submission,
        waiter=TaskWaiter(repository=repository),
    )
