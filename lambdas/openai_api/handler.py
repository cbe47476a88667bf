"""Handler of requests below /v1, the paths of OpenAI's API, from the HTTP API or at the function's own URL."""

import os
import uuid
from functools import cache
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response

from contract.errors import DarkroomError, TooManyActiveTasks
from lambdas.http.application import http_handler
from lambdas.http.responses import json_response
from lambdas.openai_api.image_request import ImageCallKind, parse_call
from lambdas.openai_api.images import OpenAiImages
from lambdas.openai_api.refusals import refusal
from lambdas.runtime.clients import dynamodb
from lambdas.tasks.waiting_function import WaitingFunction, WaitingSettings
from task_store.active_runs import ActiveRuns


@cache
def function() -> WaitingFunction:
    """Compose the routes of this process."""

    def refuse(error: DarkroomError) -> Response[Any]:
        response = refusal(error)
        if isinstance(error, TooManyActiveTasks):
            response.headers.update(rate_limit_headers(app.caller().key_name, waiting.settings))
        return response

    waiting = WaitingFunction.compose(WaitingSettings.from_environment(os.environ), error_response=refuse)
    app = waiting.application
    images = OpenAiImages(tasks=waiting.tasks, new_id=lambda: uuid.uuid4().hex)

    def answer(kind: ImageCallKind) -> Response[Any]:
        event = app.current_event
        call = parse_call(kind, app.body(), event.headers.get("Content-Type", ""))
        caller = app.caller()
        response = images.make(call, caller=caller, seconds=waiting.seconds_left())
        response.headers.update(rate_limit_headers(caller.key_name, waiting.settings))
        return response

    @app.get("/v1/models")
    def list_models() -> Response[Any]:
        return json_response(images.list_models())

    @app.get("/v1/models/.+")
    def show_model() -> Response[Any]:
        # OpenAI's clients encode the slash in `runtime/checkpoint`.
        return json_response(images.model(unquote(app.current_event.path.partition("/v1/models/")[2])))

    @app.post("/v1/images/generations")
    def generate() -> Response[Any]:
        return answer(ImageCallKind.GENERATIONS)

    @app.post("/v1/images/edits")
    def edit() -> Response[Any]:
        return answer(ImageCallKind.EDITS)

    @app.post("/v1/images/variations")
    def vary() -> Response[Any]:
        return answer(ImageCallKind.VARIATIONS)

    return waiting


def rate_limit_headers(key_name: str | None, settings: WaitingSettings) -> dict[str, str]:
    """Return OpenAI's headers of the limit on active tasks of a key; empty if there is no such limit."""
    limit = settings.active_tasks_per_key
    if limit is None or key_name is None:
        return {}
    runs = ActiveRuns(client=dynamodb(), table_name=settings.task_table).reserved_at_ms(key_name) or {}
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(max(limit - len(runs), 0)),
    }


handler = http_handler(function)
