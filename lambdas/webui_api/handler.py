"""Handler of all requests below /sdapi/v1 and /controlnet of the HTTP API, for any runtime."""

import json
import os
import uuid
from functools import cache
from typing import Any

from aws_lambda_powertools.event_handler import Response

from contract.errors import DarkroomError
from lambdas.http.application import http_handler
from lambdas.http.responses import with_retry_after
from lambdas.runtime.clock import now_ms
from lambdas.tasks.list_cache import ListCache
from lambdas.tasks.waiting_function import WaitingFunction, WaitingSettings
from lambdas.webui_api.bridge import Bridge
from lambdas.webui_api.calls import parse_call
from lambdas.webui_api.preferences import Preferences
from lambdas.webui_api.refusals import BridgeResponse, WebUiRefusal, response_to
from lambdas.webui_api.sessions import Sessions
from lambdas.webui_api.task_calls import TaskCalls


@cache
def function() -> WaitingFunction:
    """Compose the one route of this process; the bridge refuses unknown paths in the Web UI's form."""
    waiting = WaitingFunction.compose(WaitingSettings.from_environment(os.environ), error_response=_error_response)
    app, tasks = waiting.application, waiting.tasks
    bridge = Bridge(
        calls=TaskCalls(tasks=tasks, new_id=lambda: uuid.uuid4().hex),
        sessions=Sessions(repository=tasks.repository, now_ms=now_ms),
        lists=ListCache(bucket=tasks.task_bucket, now_ms=now_ms),
        preferences=Preferences(bucket=tasks.task_bucket, find_checkpoint=tasks.models.find_checkpoint),
        models=tasks.models,
    )

    @app.route(".+", method=["GET", "POST"])
    def call_webui() -> Response[Any]:
        event = app.current_event
        try:
            call = parse_call(event.http_method, event.path, event.headers, app.body(), catalogue=tasks.catalogue)
            return _response(bridge.answer(call, caller=app.caller(), seconds=waiting.seconds_left()))
        except WebUiRefusal as refusal:
            return _response(refusal.response)

    return waiting


def _error_response(error: DarkroomError) -> Response[str]:
    return with_retry_after(_response(response_to(error)), error)


def _response(response: BridgeResponse) -> Response[str]:
    return Response(status_code=response.status, content_type="application/json", body=json.dumps(response.body))


handler = http_handler(function)
