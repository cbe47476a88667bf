"""Handler of POST /v1alpha2, POST /v1alpha1 and of retries: submits a task and responds in the request's format."""

import hashlib
import os
from functools import cache
from typing import Any, Final, NotRequired

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from typing_extensions import TypedDict

from contract.formats import Format
from contract.json_values import parse_json_object
from contract.record import Record
from contract.storage import output_location
from lambdas.http.application import HttpApplication, http_handler
from lambdas.http.responses import json_response
from lambdas.tasks.composition import CallerSettings, compose_tasks

#: Header by which a sender marks the repetitions of one request.
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"


class Submitted(TypedDict):
    """What the responses in both formats have."""

    id_task: str
    output_location: str
    #: Fields that Darkroom does not know and passes on; left out if all are known.
    unknown_fields: NotRequired[list[str]]


class SubmittedTask(Submitted):
    """Response to a v1alpha2 request."""

    runtime: str


class SubmittedOlderTask(Submitted):
    """Response to a v1alpha1 request."""

    sd_model_checkpoint: str | None


@cache
def application() -> HttpApplication:
    """Compose the routes of this process."""
    settings = CallerSettings.from_environment(os.environ)
    tasks = compose_tasks(settings)
    app = HttpApplication(origins=settings.cors_origins, tenancy=settings.tenancy)

    def submit(format_: Format) -> Response[Any]:
        caller = app.caller()
        body = app.body()
        record = tasks.submit(
            parse_json_object(body),
            caller,
            format_=format_,
            submission_id=submission_id(app.current_event, body),
        )
        return json_response(response_body(record, format_, output_bucket=settings.output_bucket))

    @app.post("/v1alpha2")
    def submit_v1alpha2() -> Response[Any]:
        return submit(Format.V1ALPHA2)

    @app.post("/v1alpha1")
    def submit_v1alpha1() -> Response[Any]:
        return submit(Format.V1ALPHA1)

    @app.post("/v1alpha2/tasks/<task_id>/retry")
    def retry(task_id: str) -> Response[Any]:
        caller = app.caller()
        previous = tasks.read(task_id, caller.tenant)
        record = tasks.submission.retry(
            previous,
            submission_id=submission_id(app.current_event, task_id) or caller.request_id,
            key_name=caller.key_name or previous.key_name,
        )
        return json_response(response_body(record, Format.V1ALPHA2, output_bucket=settings.output_bucket))

    return app


def submission_id(event: APIGatewayProxyEvent, body: str | bytes) -> str | None:
    """Return the id that a repeated request shares, if its sender gave a key. Another body is another submission."""
    idempotency_key = event.headers.get(IDEMPOTENCY_HEADER)
    if not idempotency_key:
        return None
    content = body.encode() if isinstance(body, str) else body
    return hashlib.sha256(idempotency_key.encode() + b"\n" + content).hexdigest()


def response_body(record: Record, format_: Format, *, output_bucket: str) -> SubmittedTask | SubmittedOlderTask:
    """Return the response to a submission in the format of its request."""
    submitted: Submitted = {
        "id_task": record.id,
        "output_location": output_location(output_bucket, record.prefix, record.id),
    }
    if record.unknown_fields:
        submitted["unknown_fields"] = list(record.unknown_fields)
    if format_ is Format.V1ALPHA1:
        return {**submitted, "sd_model_checkpoint": record.requested_checkpoint}
    return {**submitted, "runtime": record.sent_to}


handler = http_handler(application)
