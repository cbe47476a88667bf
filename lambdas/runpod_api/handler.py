"""Handler of requests below /v2/{runtime}, from the HTTP API or at the function's own URL."""

import os
import re
import time
import uuid
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response

from contract.errors import FieldError, InvalidTask
from lambdas.http.application import http_handler
from lambdas.http.function_url import DEADLINE
from lambdas.http.responses import json_response
from lambdas.runpod_api.endpoint import RunpodEndpoint
from lambdas.runpod_api.jobs import RunpodJobs
from lambdas.runtime.clock import now_ms
from lambdas.tasks.waiting_function import WaitingFunction, WaitingSettings

#: Milliseconds that `runsync` and `status-sync` may wait: minimum, maximum, and RunPod's own default without `wait`.
MIN_WAIT_MS: Final = 1_000
MAX_WAIT_MS: Final = 300_000
DEFAULT_WAIT_MS: Final = 90_000


@cache
def function() -> WaitingFunction:
    """Compose the routes of this process."""
    waiting = WaitingFunction.compose(WaitingSettings.from_environment(os.environ))
    app, tasks = waiting.application, waiting.tasks
    jobs = RunpodJobs(tasks=tasks, now_ms=now_ms, new_uuid=uuid.uuid4)
    endpoint = RunpodEndpoint(
        catalogue=tasks.catalogue, repository=tasks.repository, now_ms=now_ms, clock=time.monotonic
    )

    def wait_seconds() -> float:
        asked = wait_ms(app.current_event.get_query_string_value("wait")) / 1000
        return min(asked, waiting.seconds_left())

    @app.post("/v2/<runtime>/run")
    def run(runtime: str) -> Response[Any]:
        return json_response(jobs.run(runtime, app.body(), caller=app.caller()))

    @app.post("/v2/<runtime>/runsync")
    def run_sync(runtime: str) -> Response[Any]:
        body = app.body()
        return json_response(jobs.run_and_wait(runtime, body, seconds=wait_seconds(), caller=app.caller()))

    @app.get("/v2/<runtime>/status/<job_id>")
    def status(runtime: str, job_id: str) -> Response[Any]:
        return json_response(jobs.status(runtime, job_id, tenant=app.caller().tenant))

    @app.get("/v2/<runtime>/status-sync/<job_id>")
    def status_sync(runtime: str, job_id: str) -> Response[Any]:
        return json_response(jobs.wait(runtime, job_id, seconds=wait_seconds(), tenant=app.caller().tenant))

    @app.get("/v2/<runtime>/stream/<job_id>")
    def stream(runtime: str, job_id: str) -> Response[Any]:
        return json_response(jobs.stream(runtime, job_id, tenant=app.caller().tenant))

    @app.post("/v2/<runtime>/cancel/<job_id>")
    def cancel(runtime: str, job_id: str) -> Response[Any]:
        return json_response(jobs.cancel(runtime, job_id, tenant=app.caller().tenant))

    @app.post("/v2/<runtime>/retry/<job_id>")
    def retry(runtime: str, job_id: str) -> Response[Any]:
        return json_response(jobs.retry(runtime, job_id, caller=app.caller()))

    @app.post("/v2/<runtime>/purge-queue")
    def purge_queue(runtime: str) -> Response[Any]:
        return json_response(endpoint.purge(runtime, deadline=app.context[DEADLINE], tenant=app.caller().tenant))

    @app.get("/v2/<runtime>/health")
    def health(runtime: str) -> Response[Any]:
        return json_response(endpoint.health(runtime, tenant=app.caller().tenant))

    return waiting


def wait_ms(text: str | None) -> int:
    """Return the milliseconds of a `wait` parameter; raises InvalidTask."""
    if text is None:
        return DEFAULT_WAIT_MS
    if re.fullmatch("[0-9]{1,9}", text) and MIN_WAIT_MS <= int(text) <= MAX_WAIT_MS:
        return int(text)
    message = f"is {text[:40]!r}; write milliseconds from {MIN_WAIT_MS} to {MAX_WAIT_MS}"
    raise InvalidTask([FieldError("wait", message)])


handler = http_handler(function)
