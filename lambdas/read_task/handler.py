"""Called with requests below /v1alpha2/tasks of the HTTP API."""

import os
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from lambdas.clients import client
from lambdas.http_answers import answer
from lambdas.http_application import http_application
from lambdas.observability import observed
from lambdas.output_bucket import OutputBucket
from lambdas.read_task.reading import TaskReader
from lambdas.read_task.settings import ReadTaskSettings
from lambdas.tasks.repository import task_repository
from lambdas.webhook_queue import SqsWebhookQueue


@cache
def reader() -> TaskReader:
    """Compose the reader of this process."""
    settings = ReadTaskSettings.from_environment(os.environ)
    return TaskReader(
        repository=task_repository(settings),
        catalogue=settings.catalogue,
        webhooks=SqsWebhookQueue(client=client("sqs"), queue_url=settings.webhook_queue_url),
        output_bucket=settings.output_bucket,
        outputs=OutputBucket(client=client("s3")),
    )


@cache
def application() -> APIGatewayRestResolver:
    """Compose the routes of this process."""
    app = http_application()

    @app.get("/v1alpha2/tasks")
    def list_tasks() -> Response[Any]:
        return answer(reader().list(app.current_event.query_string_parameters))

    @app.get("/v1alpha2/tasks/<task_id>")
    def show_task(task_id: str) -> Response[Any]:
        return answer(reader().show(task_id, app.current_event.query_string_parameters))

    @app.delete("/v1alpha2/tasks/<task_id>")
    def cancel_task(task_id: str) -> Response[Any]:
        return answer(reader().cancel(task_id))

    @app.post("/v1alpha2/tasks/<task_id>/webhook")
    def redeliver_webhook(task_id: str) -> Response[Any]:
        return answer(reader().redeliver_webhook(task_id), HTTPStatus.ACCEPTED)

    return app


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request."""
    return application().resolve(event, context)
