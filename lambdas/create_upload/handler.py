"""Called with POST /v1alpha2/uploads of the HTTP API."""

import os
import secrets
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from lambdas.clients import client
from lambdas.clock import now_ms
from lambdas.create_upload.settings import CreateUploadSettings
from lambdas.create_upload.uploading import Uploads
from lambdas.http_answers import answer
from lambdas.http_application import body_of, http_application
from lambdas.observability import observed

#: Random bytes of an upload's name.
NAME_BYTES: Final = 24


@cache
def uploads() -> Uploads:
    """Compose the uploads of this process."""
    settings = CreateUploadSettings.from_environment(os.environ)
    return Uploads(client=client("s3"), bucket=settings.task_bucket, new_name=lambda: secrets.token_urlsafe(NAME_BYTES))


@cache
def application() -> APIGatewayRestResolver:
    """Compose the route of this process."""
    app = http_application()

    @app.post("/v1alpha2/uploads")
    def create_upload() -> Response[Any]:
        return answer(uploads().create(body_of(app.current_event), now_ms=now_ms()), HTTPStatus.CREATED)

    return app


@observed
def handler(event: dict[str, Any], context: Any) -> Any:
    """Answer one request."""
    return application().resolve(event, context)
