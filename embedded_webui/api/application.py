"""The HTTP application: all routes of the API over one Web UI."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.middleware.gzip import GZipMiddleware
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedded_webui.api.errors import register_errors
from embedded_webui.api.generation_routes import generation_routes
from embedded_webui.api.image_routes import image_routes
from embedded_webui.api.list_routes import list_routes
from embedded_webui.api.settings_routes import settings_routes
from embedded_webui.violations import VIOLATIONS_PATH, violations_in
from embedded_webui.web_ui import EmbeddedWebUi

_PREFIX: Final = "/sdapi/v1"
#: Bytes of a response from which on a client gets it compressed, if it asks for that.
_MIN_COMPRESSED_BYTES: Final = 1000


def create_application(web_ui: EmbeddedWebUi) -> FastAPI:
    """Return the whole application."""
    application = bare_application()
    add_middleware(application)
    for _ in add_routes(application, web_ui):
        pass
    return application


def bare_application() -> FastAPI:
    """Return an application without middleware and routes of the API."""
    return FastAPI(title="Embedded Web UI", docs_url="/docs", redoc_url=None)


def add_middleware(application: FastAPI) -> None:
    """Add the middleware; FastAPI raises RuntimeError if the application has answered a request."""
    application.add_middleware(ProcessTime)
    application.add_middleware(GZipMiddleware, minimum_size=_MIN_COMPRESSED_BYTES)
    register_errors(application)


def add_routes(application: FastAPI, web_ui: EmbeddedWebUi) -> Iterator[None]:
    """Add the routes, one with each step. They are plain functions: each waiting request holds a thread."""

    async def record_violations(request: Request) -> None:
        with suppress(ValueError):
            web_ui.violations.extend(violations_in(json.loads(await request.body() or b"{}")))

    for routes in (generation_routes, image_routes, settings_routes, list_routes):
        for route in routes(web_ui).routes:
            router = APIRouter()
            router.routes.append(route)
            application.include_router(router, prefix=_PREFIX, dependencies=[Depends(record_violations)])
            yield

    @application.get(VIOLATIONS_PATH)
    def violations() -> list[str]:
        return web_ui.violations


class ProcessTime:
    """Middleware that reports a request's seconds in a header; responses to exceptions have none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        started = time.perf_counter()

        async def send_with_time(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-process-time"] = f"{time.perf_counter() - started:.4f}"
            await send(message)

        await self._app(scope, receive, send_with_time)
