"""Errors in the shapes that the Web UI answers."""

import logging
from typing import Final

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from embedded_webui.errors import WebUiException
from embedded_webui.pydantic_v1 import detail_of

_logger: Final = logging.getLogger(__name__)


def register_errors(application: FastAPI) -> None:
    """Make an application answer errors like the Web UI; unknown routes keep FastAPI's own response."""

    @application.exception_handler(HTTPException)
    async def refuse(_: Request, exception: HTTPException) -> JSONResponse:
        return _response(exception.status_code, error="HTTPException", detail=str(exception.detail))

    @application.exception_handler(RequestValidationError)
    async def name_fields(_: Request, exception: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": detail_of(exception.errors(), exception.body)}, status_code=422)

    application.add_middleware(ExceptionResponses)


class ExceptionResponses:
    """Middleware that answers an exception of a route with 500, its class name and its text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        try:
            await self._app(scope, receive, send)
        except Exception as exception:
            _logger.exception("request_failed", extra={"path": scope.get("path")})
            name = exception.name if isinstance(exception, WebUiException) else type(exception).__name__
            await _response(500, error=name, errors=str(exception))(scope, receive, send)


def _response(status: int, *, error: str, detail: str = "", errors: str = "") -> JSONResponse:
    return JSONResponse({"error": error, "detail": detail, "body": "", "errors": errors}, status_code=status)
