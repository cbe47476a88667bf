"""Handler of POST /v1alpha2/uploads of the HTTP API."""

import os
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import Json

from contract.tenancy import Tenancy
from lambdas.create_upload.upload_forms import upload_form
from lambdas.http.application import HttpApplication, http_handler
from lambdas.http.cross_origin import CrossOriginSettings
from lambdas.http.responses import json_response
from lambdas.runtime.clients import client
from lambdas.runtime.clock import now_ms


class CreateUploadSettings(CrossOriginSettings):
    """Bucket of the uploads, and their owners."""

    task_bucket: str
    tenancy: Json[Tenancy]


@cache
def application() -> HttpApplication:
    """Compose the route of this process."""
    settings = CreateUploadSettings.from_environment(os.environ)
    app = HttpApplication(origins=settings.cors_origins, tenancy=settings.tenancy)

    @app.post("/v1alpha2/uploads")
    def create_upload() -> Response[Any]:
        tenant = app.caller().tenant.name
        bucket = settings.task_bucket
        created = upload_form(app.body(), client=client("s3"), bucket=bucket, tenant=tenant, now_ms=now_ms())
        return json_response(created, HTTPStatus.CREATED)

    return app


handler = http_handler(application)
