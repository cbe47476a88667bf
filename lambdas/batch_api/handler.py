"""Handler of requests below /v1alpha2/batches."""

import os
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from contract.tenancy import Tenant
from lambdas.batch_api.batch_acceptance import BatchAcceptance
from lambdas.batch_api.batch_check import BatchCheck
from lambdas.batch_api.batch_reader import BatchReader
from lambdas.http.application import HttpApplication, http_handler
from lambdas.http.cross_origin import CrossOriginSettings
from lambdas.http.responses import json_response
from lambdas.messaging.queues import SqsQueue
from lambdas.runtime.clients import client
from lambdas.runtime.clock import now_ms
from lambdas.tasks.batch_tasks import BatchTasks
from lambdas.tasks.checkpoint_catalogue import CheckpointCatalogue
from lambdas.tasks.own_links import OwnLinks
from lambdas.tasks.repository import CatalogueSettings, batch_repository
from task_store.task_bucket import TaskBucket


class BatchApiSettings(CatalogueSettings, CrossOriginSettings):
    """Places of tasks, models and batches."""

    task_bucket: str
    model_bucket: str
    output_bucket: str
    batch_queue_url: str


@cache
def application() -> HttpApplication:
    """Compose the routes of this process."""
    settings = BatchApiSettings.from_environment(os.environ)
    app = HttpApplication(origins=settings.cors_origins, tenancy=settings.tenancy)
    s3 = client("s3")
    batches = batch_repository(settings)
    bucket = TaskBucket(client=s3, bucket=settings.task_bucket)
    tasks = BatchTasks(bucket=bucket)
    queue = SqsQueue(client=client("sqs"), queue_url=settings.batch_queue_url)
    own_links = OwnLinks(client=s3, task_bucket=settings.task_bucket, output_bucket=settings.output_bucket)
    models = CheckpointCatalogue(client=s3, bucket=settings.model_bucket)
    check = BatchCheck(
        catalogue=settings.catalogue,
        find_checkpoint=models.find_checkpoint,
        has_object=models.has_object,
        own_links=own_links,
    )
    acceptance = BatchAcceptance(
        batches=batches, tasks=tasks, bucket=bucket, check=check, own_links=own_links, queue=queue, now_ms=now_ms
    )
    reader = BatchReader(batches=batches, tasks=tasks, queue=queue)

    def query() -> dict[str, str]:
        return dict(app.current_event.query_string_parameters or {})

    def tenant() -> Tenant:
        return app.caller().tenant

    @app.post("/v1alpha2/batches")
    def submit_batch() -> Response[Any]:
        content_type = app.current_event.headers.get("Content-Type", "")
        batch = acceptance.accept(app.body(), content_type=content_type, query=query(), caller=app.caller())
        return json_response(reader.show(batch, tenant()), HTTPStatus.ACCEPTED)

    @app.get("/v1alpha2/batches")
    def list_batches() -> Response[Any]:
        return json_response(reader.list(query(), tenant=tenant()))

    @app.get("/v1alpha2/batches/<batch_id>")
    def show_batch(batch_id: str) -> Response[Any]:
        return json_response(reader.show(reader.find(batch_id, tenant()), tenant()))

    @app.get("/v1alpha2/batches/<batch_id>/tasks")
    def list_batch_tasks(batch_id: str) -> Response[Any]:
        return json_response(reader.tasks(reader.find(batch_id, tenant()), query()))

    @app.delete("/v1alpha2/batches/<batch_id>")
    def cancel_batch(batch_id: str) -> Response[Any]:
        cancelled = reader.cancel(reader.find(batch_id, tenant()), tenant())
        return json_response(cancelled, HTTPStatus.ACCEPTED)

    @app.post("/v1alpha2/batches/<batch_id>/retry")
    def retry_batch(batch_id: str) -> Response[Any]:
        retry = acceptance.retry(reader.find(batch_id, tenant()), caller=app.caller())
        return json_response(reader.show(retry, tenant()), HTTPStatus.ACCEPTED)

    return app


handler = http_handler(application)
