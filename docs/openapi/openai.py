"""OpenAI's images API below /v1, as far as a runtime can do what it asks for."""

from http import HTTPStatus
from typing import Annotated, Any, Final, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from docs.openapi.operation import Body, Operation, Parameter
from lambdas.http.forms import MULTIPART
from lambdas.http.responses import ErrorResponse, Link
from lambdas.openai_api.image_request import ImageRequest

TAG: Final = "OpenAI"
_TEXT: Final[dict[str, Any]] = {"type": "string"}
_FILE: Final[dict[str, Any]] = {"type": "string", "format": "binary"}


class Model(TypedDict):
    """One value of `model`: a runtime, or one of its checkpoints."""

    id: str
    object: str
    created: int
    owned_by: str


class ModelList(TypedDict):
    """All values of `model`."""

    object: str
    data: list[Model]


class MadeImage(TypedDict):
    """One picture, as a link that works for an hour, or as base64."""

    url: NotRequired[Link]
    b64_json: NotRequired[str]


class ImagesResponse(TypedDict):
    """Pictures of a call, and its task for GET /v1alpha2/tasks/{id}."""

    created: Annotated[int, Field(description="Seconds since 1970")]
    data: list[MadeImage]
    size: str
    quality: str
    background: str
    output_format: str
    id_task: str
    #: Fields that Darkroom does not know and passes on; left out if all are known.
    unknown_fields: NotRequired[list[str]]


class OpenaiError(TypedDict):
    """Error in OpenAI's form; `param` names the first broken field."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenaiErrorResponse(TypedDict):
    """Body of every response to a call that made no pictures."""

    error: OpenaiError
    id_task: NotRequired[Annotated[str, Field(description="Task of the call, if it became one")]]


_REFUSALS: Final = {
    status: {"anyOf": [OpenaiErrorResponse, ErrorResponse]}
    for status in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    )
}


def _form(*required: str, **files: Any) -> Body:
    schema = ImageRequest.model_json_schema()
    properties = schema["properties"] | files
    return Body({"type": "object", "required": list(required), "properties": properties}, content_type=MULTIPART)


def _images(call: str, name: str, summary: str, body: Body) -> Operation:
    answers = {HTTPStatus.OK: ImagesResponse, **_REFUSALS}
    return Operation("POST", f"/v1/images/{call}", name, summary, TAG, answers, body=body, streams=True)


_EXAMPLE: Final = {"model": "sdruntime", "prompt": "A dog", "size": "64x64", "steps": 2}
OPERATIONS: Final = (
    Operation("GET", "/v1/models", "listModels", "List the runtimes and checkpoints", TAG, {HTTPStatus.OK: ModelList}),
    Operation(
        "GET",
        "/v1/models/{model}",
        "showModel",
        "Read one runtime or checkpoint",
        TAG,
        {HTTPStatus.OK: Model, HTTPStatus.NOT_FOUND: OpenaiErrorResponse},
        parameters=(
            Parameter("model", "One of the list, such as `dynamic/painting.safetensors`", _TEXT, "path", "sdruntime"),
        ),
    ),
    _images("generations", "createImage", "Make pictures from a prompt", Body(ImageRequest, {"dog": _EXAMPLE})),
    _images(
        "edits",
        "editImage",
        "Change a picture where a mask is transparent",
        _form("image", "prompt", image=_FILE, mask=_FILE),
    ),
    _images("variations", "varyImage", "Make pictures like a picture", _form("image", image=_FILE)),
)
