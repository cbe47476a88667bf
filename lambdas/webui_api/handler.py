"""Called with everything below /sdapi/v1 and /controlnet of the HTTP API, for any runtime."""

import json
import os
import time
import uuid
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import Response

from contract.errors import DarkroomError
from lambdas.authorize.composition import compose_authorizer
from lambdas.clients import client
from lambdas.clock import now_ms
from lambdas.function_url import ANSWER_BY, HttpFunction
from lambdas.http_answers import with_retry_after
from lambdas.http_application import body_of, caller_of, http_application
from lambdas.observability import observed
from lambdas.output_bucket import OutputBucket
from lambdas.submission_parts import submission_parts
from lambdas.task_waiting import TaskWaiting
from lambdas.webui_answers import WebUiAnswers
from lambdas.webui_api.bridge import Bridge
from lambdas.webui_api.call_tasks import CallTasks
from lambdas.webui_api.calls import parse_call
from lambdas.webui_api.lists import KeptLists
from lambdas.webui_api.preferences import Preferences
from lambdas.webui_api.refusals import WebUiAnswer, WebUiRefusal, answer_to
from lambdas.webui_api.sessions import Sessions
from lambdas.webui_api.settings import WebUiApiSettings


@cache
def settings() -> WebUiApiSettings:
    """Read the settings of this process."""
    return WebUiApiSettings.from_environment(os.environ)


@cache
def bridge() -> Bridge:
    """Compose the bridge of this process."""
    parts = submission_parts(settings())
    tasks = CallTasks(
        catalogue=parts.catalogue,
        find_checkpoint=parts.models.find_checkpoint,
        tasks=parts.tasks,
        waiting=TaskWaiting(repository=parts.repository),
        answers=WebUiAnswers(outputs=OutputBucket(client=client("s3"))),
        now_ms=now_ms,
        new_id=lambda: uuid.uuid4().hex,
    )
    return Bridge(
        tasks=tasks,
        sessions=Sessions(repository=parts.repository, now_ms=now_ms),
        lists=KeptLists(bucket=parts.task_bucket, now_ms=now_ms),
        preferences=Preferences(bucket=parts.task_bucket, find_checkpoint=parts.models.find_checkpoint),
        models=parts.models,
        clock=time.monotonic,
    )


@cache
def function() -> HttpFunction:
    """Compose the one route of this process: the path is the Web UI's business, refusals included."""
    app = http_application(error_answer=_answer_to_error)

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


def _answer_to_error(error: DarkroomError) -> Response[str]:
    return with_retry_after(_response(answer_to(error)), error)


def _response(answer: WebUiAnswer) -> Response[str]:
    return Response(status_code=answer.status, content_type="application/json", body=json.dumps(answer.body))


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request."""
    return function().resolve(event, context)
