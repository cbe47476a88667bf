"""Model Context Protocol at /mcp. Its own specification describes the messages; clients of its SDKs write them."""

from http import HTTPStatus
from typing import Any, Final, Literal, NotRequired

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from docs.openapi.operation import Body, Operation
from lambdas.http.cross_origin import OriginRefused
from lambdas.http.responses import ErrorResponse

TAG: Final = "Model Context Protocol"


@with_config(ConfigDict(extra="allow"))
class JsonRpcMessage(TypedDict):
    """Request of JSON-RPC 2.0, or a notification if it has no `id`."""

    jsonrpc: Literal["2.0"]
    id: NotRequired[int | str]
    method: str
    params: NotRequired[dict[str, Any]]


class JsonRpcError(TypedDict):
    """Error of the protocol. Errors of tools are results, because assistants read those."""

    code: int
    message: str
    data: NotRequired[Any]


class JsonRpcResponse(TypedDict):
    """Response of JSON-RPC 2.0, with a result or an error."""

    jsonrpc: Literal["2.0"]
    id: int | str | None
    result: NotRequired[dict[str, Any]]
    error: NotRequired[JsonRpcError]


_EXAMPLE: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "generate_image", "arguments": {"prompt": "A dog"}},
}
_METHOD: Final = {HTTPStatus.METHOD_NOT_ALLOWED: None}
OPERATIONS: Final = (
    Operation(
        "POST",
        "/mcp",
        "callTool",
        "Send a message of the Model Context Protocol",
        TAG,
        {
            HTTPStatus.OK: JsonRpcResponse,
            HTTPStatus.ACCEPTED: None,
            HTTPStatus.BAD_REQUEST: {"anyOf": [JsonRpcResponse, ErrorResponse]},
            HTTPStatus.NOT_FOUND: JsonRpcResponse,
        },
        errors=(OriginRefused,),
        body=Body(JsonRpcMessage, {"generate": _EXAMPLE}),
    ),
    Operation("GET", "/mcp", "listen", "Refused, because a function cannot keep a stream open", TAG, _METHOD),
    Operation("DELETE", "/mcp", "endSession", "Refused, because no session is kept", TAG, _METHOD),
)
