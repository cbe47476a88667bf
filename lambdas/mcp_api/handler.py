"""Handler of /mcp, the endpoint of the Model Context Protocol, from the HTTP API or at the function's own URL."""

import os
from functools import cache
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response

from lambdas.http.application import http_handler
from lambdas.tasks.waiting_function import WaitingFunction, WaitingSettings


@cache
def function() -> WaitingFunction:
    """Compose the routes of this process."""
    waiting = WaitingFunction.compose(WaitingSettings.from_environment(os.environ))
    app = waiting.application

    @app.post("/mcp")
    def answer() -> Response[str]:
        # The SDK takes longer to import than everything else, and Lambda limits the start of a process to ten seconds.
        from lambdas.mcp_api.endpoint import answer_post  # noqa: PLC0415 - see above

        return answer_post(waiting, app.body(), app.current_event.headers)

    def refuse_method() -> Response[str]:
        # A stream to listen on and a session to end are parts of the protocol that a server may lack.
        return Response(status_code=HTTPStatus.METHOD_NOT_ALLOWED.value, body="", headers={"Allow": "POST"})

    app.get("/mcp")(refuse_method)
    app.delete("/mcp")(refuse_method)
    return waiting


handler = http_handler(function)
