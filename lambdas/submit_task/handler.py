"""Called with POST /v1alpha2 and POST /v1alpha1 of the HTTP API."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from contract.submission import Format
from lambdas.clock import now_ms
from lambdas.http_answers import answer
from lambdas.http_application import body_of, caller_of, http_application
from lambdas.observability import observed
from lambdas.submission_parts import submission_parts
from lambdas.submit_task.settings import SubmitTaskSettings
from lambdas.submit_task.submitting import TaskSubmitter


@cache
def submitter() -> TaskSubmitter:
    """Compose the submitter of this process."""
    settings = SubmitTaskSettings.from_environment(os.environ)
    parts = submission_parts(settings)
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
    return answer(submitter().submit(body_of(event), format_, caller=caller_of(event), now_ms=now_ms()))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request."""
    return application().resolve(event, context)
