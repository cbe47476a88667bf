"""The HTTP application: all routes of the API over one Web UI, and errors in the shapes that the Web UI answers."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse

from embedded_webui.api.generation_routes import generation_routes
from embedded_webui.api.picture_routes import picture_routes
from embedded_webui.api.settings_routes import settings_routes
from embedded_webui.pydantic_v1 import detail_of
from embedded_webui.web_ui import EmbeddedWebUi

_PREFIX: Final = "/sdapi/v1"
#: Bytes of a response from which on a client gets it compressed, if it asks for that.
_MIN_COMPRESSED_BYTES: Final = 1000
_logger: Final = logging.getLogger(__name__)


def create_application(web_ui: EmbeddedWebUi) -> FastAPI:
    """Return the application. Its routes are plain functions: each waiting request holds a thread."""
    application = FastAPI(title="Embedded Web UI", docs_url="/docs", redoc_url=None)
    for routes in (generation_routes, picture_routes, settings_routes):
        application.include_router(routes(web_ui), prefix=_PREFIX)
    application.add_middleware(GZipMiddleware, minimum_size=_MIN_COMPRESSED_BYTES)

    @application.middleware("http")
    async def respond(request: Request, route: Callable[[Request], Awaitable[Response]]) -> Response:
        started = time.perf_counter()
        try:
            response = await route(request)
        except Exception as exception:
            _logger.exception("request_failed", extra={"path": request.url.path})
            return _error(500, type(exception).__name__, errors=str(exception))
        response.headers["x-process-time"] = f"{time.perf_counter() - started:.4f}"
        return response

    # Unknown routes keep FastAPI's own response.
    @application.exception_handler(HTTPException)
    async def refuse(_: Request, exception: HTTPException) -> JSONResponse:
        return _error(exception.status_code, "HTTPException", detail=str(exception.detail))

    @application.exception_handler(RequestValidationError)
    async def name_fields(_: Request, exception: RequestValidationError) -> JSONResponse:
        return JSONResponse({"detail": detail_of(exception.errors(), exception.body)}, status_code=422)

    return application


def _error(status: int, name: str, *, detail: str = "", errors: str = "") -> JSONResponse:
    return JSONResponse({"error": name, "detail": detail, "body": "", "errors": errors}, status_code=status)
