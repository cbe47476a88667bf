"""Errors in the shapes that the Web UI answers them in."""

import logging
from typing import Final

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from embedded_webui.validation import detail_of

_logger: Final = logging.getLogger(__name__)


class WebUiError(Exception):
    """Raised where the Web UI fails with an exception that this project would not raise under that name.

    Args:
        name: Class name of the exception that the answer shows.
        message: Its text.
    """

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def register(application: FastAPI) -> None:
    """Make `application` answer errors as the Web UI does; routes that do not exist keep FastAPI's own answer."""
    application.add_exception_handler(HTTPException, _answer_refusal)
    application.add_exception_handler(RequestValidationError, _answer_invalid)
    application.add_middleware(ExceptionAnswers)


class ExceptionAnswers:
    """Answers an exception of a route with 500, its class name and its text."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        try:
            await self._app(scope, receive, send)
        except Exception as exception:
            _logger.exception("request_failed", extra={"path": scope.get("path")})
            name = exception.name if isinstance(exception, WebUiError) else type(exception).__name__
            await _body(500, error=name, errors=str(exception))(scope, receive, send)


async def _answer_refusal(_: Request, exception: Exception) -> JSONResponse:
    if not isinstance(exception, HTTPException):
        raise exception
    return _body(exception.status_code, error="HTTPException", detail=str(exception.detail))


async def _answer_invalid(_: Request, exception: Exception) -> JSONResponse:
    if not isinstance(exception, RequestValidationError):
        raise exception
    return JSONResponse({"detail": detail_of(exception.errors(), exception.body)}, status_code=422)


def _body(status: int, *, error: str, detail: str = "", errors: str = "") -> JSONResponse:
    return JSONResponse({"error": error, "detail": detail, "body": "", "errors": errors}, status_code=status)
