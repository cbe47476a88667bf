"""Handler of requests below /v1alpha2/tasks, of the API's description and of the console."""

import os
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from aws_lambda_powertools.event_handler import Response

from contract.tenancy import Tenant
from lambdas.http.application import HttpApplication, http_handler
from lambdas.http.console import add_console
from lambdas.http.cross_origin import CrossOriginSettings
from lambdas.http.description import add_description
from lambdas.http.responses import json_response
from lambdas.messaging.queues import SqsQueue
from lambdas.read_task.task_reader import TaskReader
from lambdas.runtime.clients import client
from lambdas.runtime.clock import now_ms
from lambdas.tasks.known_tasks import KnownTasks
from lambdas.tasks.output_bucket import OutputBucket
from lambdas.tasks.queue_place import QueuePlaces
from lambdas.tasks.repository import CatalogueSettings, task_repository
from task_store.task_bucket import TaskBucket


class ReadTaskSettings(CatalogueSettings, CrossOriginSettings):
    """Places of tasks and their outputs."""

    output_bucket: str
    task_bucket: str
    webhook_queue_url: str


@cache
def settings() -> ReadTaskSettings:
    """Read the settings of this process."""
    return ReadTaskSettings.from_environment(os.environ)


@cache
def reader() -> TaskReader:
    """Compose the reader of this process."""
    repository = task_repository(settings())
    tasks = KnownTasks(
        catalogue=settings().catalogue,
        repository=repository,
        task_bucket=TaskBucket(client=client("s3"), bucket=settings().task_bucket),
        outputs=OutputBucket(client=client("s3")),
        output_bucket=settings().output_bucket,
        places=QueuePlaces(repository=repository, now_ms=now_ms),
    )
    webhooks = SqsQueue(client=client("sqs"), queue_url=settings().webhook_queue_url)
    return TaskReader(tasks=tasks, send_webhook=webhooks.send_webhook, now_ms=now_ms)


@cache
def picture_origins() -> tuple[str, ...]:
    """Return the origins of the buckets to which links and forms of the API lead."""
    buckets = (settings().output_bucket, settings().task_bucket)
    links = (OutputBucket(client=client("s3")).link(f"s3://{bucket}/any") for bucket in buckets)
    return tuple(f"{link.scheme}://{link.netloc}" for link in map(urlsplit, links))


@cache
def application() -> HttpApplication:
    """Compose the routes of this process."""
    app = HttpApplication(origins=settings().cors_origins, tenancy=settings().tenancy)
    add_description(app)
    add_console(app, picture_origins=picture_origins)

    def tenant() -> Tenant:
        return app.caller().tenant

    @app.get("/v1alpha2/tasks")
    def list_tasks() -> Response[Any]:
        return json_response(reader().list(app.current_event.query_string_parameters, tenant=tenant()))

    @app.get("/v1alpha2/tasks/<task_id>")
    def show_task(task_id: str) -> Response[Any]:
        return json_response(reader().show(task_id, app.current_event.query_string_parameters, tenant=tenant()))

    @app.get("/v1alpha2/tasks/<task_id>/request")
    def show_request(task_id: str) -> Response[Any]:
        return json_response(reader().request(task_id, tenant=tenant()))

    @app.delete("/v1alpha2/tasks/<task_id>")
    def cancel_task(task_id: str) -> Response[Any]:
        return json_response(reader().cancel(task_id, tenant=tenant()))

    @app.post("/v1alpha2/tasks/<task_id>/webhook")
    def redeliver_webhook(task_id: str) -> Response[Any]:
        return json_response(reader().redeliver_webhook(task_id, tenant=tenant()), HTTPStatus.ACCEPTED)

    return app


handler = http_handler(application)
