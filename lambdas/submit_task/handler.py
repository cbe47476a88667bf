"""Handler of POST /v1alpha2 and POST /v1alpha1."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from contract.submission import Format
from lambdas.http.application import body_of, caller_of, http_application
from lambdas.http.responses import json_response
from lambdas.runtime.clock import now_ms
from lambdas.runtime.observability import observed
from lambdas.submit_task.task_submitter import TaskSubmitter
from lambdas.tasks.composition import SubmissionSettings, compose_submission


@cache
def submitter() -> TaskSubmitter:
    """Compose the submitter of this process."""
    settings = SubmissionSettings.from_environment(os.environ)
    parts = compose_submission(settings)
    return TaskSubmitter(
        catalogue=parts.catalogue,
        find_checkpoint=parts.models.find_checkpoint,
        tasks=parts.tasks,
        output_bucket=settings.output_bucket,
    )


@cache
def application() -> APIGatewayRestResolver:
    """Compose the routes of this process."""
    app = http_application()

    @app.post("/v1alpha2")
    def submit_v1alpha2() -> Response[Any]:
        return submit(app, Format.V1ALPHA2)

    @app.post("/v1alpha1")
    def submit_v1alpha1() -> Response[Any]:
        return submit(app, Format.V1ALPHA1)

    return app


def submit(app: APIGatewayRestResolver, format_: Format) -> Response[Any]:
    """Answer the present request."""
    event = app.current_event
    return json_response(submitter().submit(body_of(event), format_, caller=caller_of(event), now_ms=now_ms()))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request."""
    return application().resolve(event, context)
