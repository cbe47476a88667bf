"""Called with everything below /sdapi/v1 and /controlnet of the HTTP API, for any runtime."""

import json
import os
import time
import uuid
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import Response

from contract.errors import DarkroomError
from lambdas.authorize.authorizer import compose_authorizer
from lambdas.http.application import body_of, caller_of, http_application
from lambdas.http.function_url import ANSWER_BY, HttpFunction
from lambdas.http.responses import with_retry_after
from lambdas.runtime.clients import client
from lambdas.runtime.clock import now_ms
from lambdas.runtime.observability import observed
from lambdas.tasks.composition import WaitingSettings, compose_submission
from lambdas.tasks.output_bucket import OutputBucket
from lambdas.tasks.waiter import TaskWaiter
from lambdas.tasks.webui_responses import WebUiResponses
from lambdas.webui_api.bridge import Bridge
from lambdas.webui_api.calls import parse_call
from lambdas.webui_api.list_cache import ListCache
from lambdas.webui_api.preferences import Preferences
from lambdas.webui_api.refusals import WebUiRefusal, WebUiResponse, response_to
from lambdas.webui_api.sessions import Sessions
from lambdas.webui_api.task_calls import TaskCalls


@cache
def settings() -> WaitingSettings:
    """Read the settings of this process."""
    return WaitingSettings.from_environment(os.environ)


@cache
def bridge() -> Bridge:
    """Compose the bridge of this process."""
    parts = compose_submission(settings())
    tasks = TaskCalls(
        catalogue=parts.catalogue,
        find_checkpoint=parts.models.find_checkpoint,
        tasks=parts.tasks,
        waiter=TaskWaiter(repository=parts.repository),
        answers=WebUiResponses(outputs=OutputBucket(client=client("s3"))),
        now_ms=now_ms,
        new_id=lambda: uuid.uuid4().hex,
    )
    return Bridge(
        tasks=tasks,
        sessions=Sessions(repository=parts.repository, now_ms=now_ms),
        lists=ListCache(bucket=parts.task_bucket, now_ms=now_ms),
        preferences=Preferences(bucket=parts.task_bucket, find_checkpoint=parts.models.find_checkpoint),
        models=parts.models,
        clock=time.monotonic,
    )


@cache
def function() -> HttpFunction:
    """Compose the one route of this process: the path is the Web UI's business, refusals included."""
    app = http_application(error_response=_error_response)

    @app.route(".+", method=["GET", "POST"])
    def call_webui() -> Response[Any]:
        event = app.current_event
        try:
            call = parse_call(
                event.http_method, event.path, event.headers, body_of(event), catalogue=settings().catalogue
            )
            return _response(bridge().answer(call, caller=caller_of(event), answer_by=app.context[ANSWER_BY]))
        except WebUiRefusal as refusal:
            return _response(refusal.answer)

    return HttpFunction(application=app, authorizer=compose_authorizer(settings().api_key_secret_arns))


def _error_response(error: DarkroomError) -> Response[str]:
    return with_retry_after(_response(response_to(error)), error)


def _response(answer: WebUiResponse) -> Response[str]:
    return Response(status_code=answer.status, content_type="application/json", body=json.dumps(answer.body))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request."""
    return function().resolve(event, context)
