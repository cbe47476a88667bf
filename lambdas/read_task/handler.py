"""Called with GET and DELETE below /v1alpha2/tasks of the HTTP API."""

import os
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from lambdas.clients import client, dynamodb
from lambdas.clock import now_ms
from lambdas.http_answers import answer
from lambdas.http_application import http_application
from lambdas.observability import observed
from lambdas.read_task.reading import TaskReader
from lambdas.read_task.settings import ReadTaskSettings
from lambdas.task_table import TaskTable

#: Seconds for which a presigned link works. The function's own credentials end it sooner if they are renewed.
LINK_SECONDS: Final = 3600


@cache
def reader() -> TaskReader:
    """Compose the reader of this process."""
    settings = ReadTaskSettings.from_environment(os.environ)
    s3 = client("s3")

    def presign(uri: str) -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        parameters = {"Bucket": bucket, "Key": key}
        return str(s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=LINK_SECONDS))

    return TaskReader(
        table=TaskTable(
            client=dynamodb(), table_name=settings.task_table, retention_seconds=settings.retention_seconds
        ),
        catalogue=settings.catalogue,
        output_bucket=settings.output_bucket,
        presign=presign,
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
        return answer(reader().show(task_id))

    @app.delete("/v1alpha2/tasks/<task_id>")
    def cancel_task(task_id: str) -> Response[Any]:
        return answer(reader().cancel(task_id, now_ms=now_ms()))

    return app


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request."""
    return application().resolve(event, context)
