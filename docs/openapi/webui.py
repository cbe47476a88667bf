"""The SD Web UI's own API below /sdapi/v1, for the default runtime and for any."""

from http import HTTPStatus
from typing import Annotated, Any, Final

from pydantic import Field
from typing_extensions import TypedDict

from contract.routing import RUNTIME_NAME_PATTERN
from contract.runpod import ALLOWED_CALLS
from docs.openapi.operation import ANY_OBJECT, Body, Operation, Parameter, choice
from lambdas.http.responses import ErrorResponse, Link
from lambdas.webui_api.calls import CALLS, RUNTIME_HEADER

#: Its 500s are the Web UI's own, and its answers make pictures: what checks every other operation leaves this tag out.
TAG: Final = "Web UI"
_RUNTIME: Final = Parameter(
    "runtime", "Name of the runtime", {"type": "string", "pattern": RUNTIME_NAME_PATTERN}, "path", "sdruntime"
)
_HEADER: Final = Parameter(
    RUNTIME_HEADER,
    "Name of the runtime; by default the first of the environment file",
    {"type": "string", "pattern": RUNTIME_NAME_PATTERN},
    "header",
)


class WebuiRefusal(TypedDict, total=False):
    """The Web UI's own error body, or an error of Darkroom in the same form."""

    detail: Annotated[Any, Field(description="A text, or an entry `{loc, msg, type}` for each broken field")]
    error: Annotated[str, Field(description="Class of the exception")]
    errors: Annotated[str, Field(description="Text of the exception")]
    code: str | None
    id_task: Annotated[str, Field(description="The task, for GET /v1alpha2/tasks/{id}")]
    links: Annotated[list[Link], Field(description="Links to the pictures of an answer that is too large")]
    response_url: Annotated[Link | None, Field(description="Link to the rest of an answer that is too large")]


_ANSWERS: Final[dict[HTTPStatus, Any]] = {
    HTTPStatus.OK: {"description": "What the SD Web UI answers to this call"},
    **{
        status: {"anyOf": [WebuiRefusal, ErrorResponse]}
        for status in (
            HTTPStatus.NOT_FOUND,
            HTTPStatus.METHOD_NOT_ALLOWED,
            HTTPStatus.CONFLICT,
            HTTPStatus.GONE,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.INTERNAL_SERVER_ERROR,
            HTTPStatus.SERVICE_UNAVAILABLE,
            HTTPStatus.GATEWAY_TIMEOUT,
        )
    },
}
_EXAMPLE: Final = {"prompt": "A dog", "steps": 4, "width": 64, "height": 64}


def _operation(method: str, folder: str, *, names_runtime: bool) -> Operation:
    calls = sorted(path.rpartition("/")[2] for path in CALLS[method] if path.startswith(f"{folder}/"))
    call = Parameter("call", "The Web UI's name of the call", choice(calls), "path", calls[0])
    name = f"{'callRuntimes' if names_runtime else 'call'}{folder.partition('/')[0].capitalize()}{method.capitalize()}"
    return Operation(
        method,
        f"{'/runtimes/{runtime}' if names_runtime else ''}/{folder}/{{call}}",
        name,
        "Call the SD Web UI of a runtime" if names_runtime else "Call the SD Web UI",
        TAG,
        _ANSWERS,
        parameters=(_RUNTIME, call) if names_runtime else (_HEADER, call),
        body=Body(ANY_OBJECT, {"txt2img": _EXAMPLE}, required=False) if method == "POST" else None,
    )


OPERATIONS: Final = tuple(
    _operation(method, folder, names_runtime=names_runtime)
    for names_runtime in (False, True)
    for folder in ("sdapi/v1", "controlnet")
    for method in ALLOWED_CALLS
    if any(path.startswith(f"{folder}/") for path in CALLS[method])
)
