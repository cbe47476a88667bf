"""Handler of requests below /comfy/{runtime}/api/v2, the paths of the Comfy API."""

import os
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response

from contract.tenancy import Tenant
from lambdas.comfy_api.assets import ComfyAssets
from lambdas.comfy_api.jobs import ComfyJobs
from lambdas.comfy_api.refusals import EventsMissing, refusal
from lambdas.http.application import HttpApplication, http_handler
from lambdas.http.responses import json_response
from lambdas.runtime.clients import client
from lambdas.runtime.clock import now_ms
from lambdas.tasks.composition import CallerSettings, compose_tasks

_ROOT: Final = "/comfy/<runtime>/api/v2"
_API: Final = "/api/v2"


@cache
def application() -> HttpApplication:
    """Compose the routes of this process."""
    settings = CallerSettings.from_environment(os.environ)
    app = HttpApplication(origins=settings.cors_origins, tenancy=settings.tenancy, error_response=refusal)
    tasks = compose_tasks(settings)
    assets = ComfyAssets(
        client=client("s3"),
        bucket=settings.task_bucket,
        outputs=tasks.outputs,
        repository=tasks.repository,
        now_ms=now_ms,
    )
    jobs = ComfyJobs(tasks=tasks, assets=assets, retention_seconds=settings.retention_seconds)

    def tenant() -> Tenant:
        return app.caller().tenant

    def address() -> str:
        """Return the path of the API as the sender wrote it, with the stage or behind a domain."""
        path = str(app.current_event.request_context.path)
        return path.rpartition(f"{_API}/")[0] + _API

    @app.post(f"{_ROOT}/jobs")
    def create_job(runtime: str) -> Response[Any]:
        event = app.current_event
        key = event.headers.get("Idempotency-Key")
        job = jobs.create(runtime, app.body(), idempotency_key=key, caller=app.caller(), address=address())
        return json_response(job, HTTPStatus.CREATED)

    @app.get(f"{_ROOT}/jobs")
    def list_jobs(runtime: str) -> Response[Any]:
        return json_response(jobs.list(runtime, app.current_event.query_string_parameters, tenant=tenant()))

    @app.get(f"{_ROOT}/jobs/<job_id>")
    def show_job(runtime: str, job_id: str) -> Response[Any]:
        return json_response(jobs.show(runtime, job_id, tenant=tenant(), address=address()))

    @app.post(f"{_ROOT}/jobs/<job_id>/cancel")
    def cancel_job(runtime: str, job_id: str) -> Response[Any]:
        return json_response(jobs.cancel(runtime, job_id, tenant=tenant(), address=address()))

    @app.get(f"{_ROOT}/jobs/<job_id>/workflow")
    def show_workflow(runtime: str, job_id: str) -> Response[Any]:
        return json_response(jobs.workflow(runtime, job_id, tenant=tenant()))

    @app.get(f"{_ROOT}/jobs/<job_id>/events")
    def stream_events(runtime: str, job_id: str) -> Response[Any]:
        raise EventsMissing(f"job {job_id} of {runtime} sends no events; poll the job")

    @app.head(f"{_ROOT}/assets/by-hash/<hash>")
    def find_asset(**_names: str) -> Response[Any]:
        # Darkroom computes no hashes of content, so a client uploads every file.
        return Response(status_code=HTTPStatus.NOT_FOUND.value, body="")

    @app.post(f"{_ROOT}/assets")
    def upload_asset(**_names: str) -> Response[Any]:
        event = app.current_event
        content_type = event.headers.get("Content-Type", "")
        return json_response(assets.upload(app.body(), content_type, tenant=tenant()), HTTPStatus.CREATED)

    @app.get(f"{_ROOT}/assets/<asset_id>")
    def show_asset(asset_id: str, **_names: str) -> Response[Any]:
        return json_response(assets.show(asset_id, tenant=tenant()))

    @app.get(f"{_ROOT}/assets/<asset_id>/content")
    def show_content(asset_id: str, **_names: str) -> Response[Any]:
        link = assets.content(asset_id, tenant=tenant())
        return Response(status_code=HTTPStatus.FOUND.value, body="", headers={"Location": link})

    @app.delete(f"{_ROOT}/assets/<asset_id>")
    def remove_asset(asset_id: str, **_names: str) -> Response[Any]:
        assets.remove(asset_id, tenant=tenant())
        return Response(status_code=HTTPStatus.NO_CONTENT.value, body="")

    return app


handler = http_handler(application)
