"""Responses of API Gateway without a function, in the form of the template's GatewayResponses."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from local.cloudformation.errors import TemplateError
from local.cloudformation.properties import Properties
from local.provisioning.provisioner import EmulatedResource

#: Status and message of each response type that the gateway can come to (API Gateway developer guide, "Gateway
#: response types"). DEFAULT_5XX is what a function that failed becomes.
_DEFAULTS: Final[Mapping[str, tuple[int, str]]] = {
    "ACCESS_DENIED": (403, "User is not authorized to access this resource"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "Internal server error"),
    "AUTHORIZER_FAILURE": (500, "Internal server error"),
    "DEFAULT_5XX": (502, "Internal server error"),
    "INTEGRATION_TIMEOUT": (504, "Endpoint request timed out"),
    "INVALID_API_KEY": (403, "Forbidden"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "QUOTA_EXCEEDED": (429, "Limit Exceeded"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "THROTTLED": (429, "Too Many Requests"),
    "UNAUTHORIZED": (401, "Unauthorized"),
}
_DEFAULT_TEMPLATE: Final = '{"message":$context.error.messageString}'
_VARIABLE: Final = re.compile(r"\$[a-zA-Z.]+")
_KNOWN_VARIABLES: Final = frozenset(
    {"$context.error.message", "$context.error.messageString", "$context.error.responseType", "$context.requestId"}
)
_HEADER_PREFIX: Final = "gatewayresponse.header."


class GatewayError(Exception):
    """Raised when the gateway answers by itself; `response_type` is API Gateway's name of the reason."""

    def __init__(self, response_type: str) -> None:
        super().__init__(response_type)
        self.response_type = response_type


@dataclass(frozen=True)
class _Custom:
    status: int | None
    headers: dict[str, str]
    template: str


class GatewayResponses:
    """Renders the answer to each response type, customized or not."""

    def __init__(self, customized: Mapping[str, _Custom]) -> None:
        self._customized = customized

    @classmethod
    def from_template(cls, responses: Iterable[EmulatedResource]) -> "GatewayResponses":
        """Read AWS::ApiGateway::GatewayResponse resources, or raise TemplateError on what cannot be rendered."""
        return cls({response.resource.properties["ResponseType"]: _read(response) for response in responses})

    def render(self, refused: GatewayError, *, request_id: str) -> Response:
        """Return the answer for `refused`."""
        name = refused.response_type
        status, message = _DEFAULTS[name]
        family = "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"  # noqa: PLR2004 - the first server error
        custom = self._customized.get(name) or self._customized.get(family) or _Custom(None, {}, _DEFAULT_TEMPLATE)
        values = {
            "$context.error.message": message,
            "$context.error.messageString": json.dumps(message),
            "$context.error.responseType": name,
            "$context.requestId": request_id,
        }
        body = _VARIABLE.sub(lambda match: values[match[0]], custom.template)
        headers = {"content-type": "application/json", **custom.headers}
        return Response(body, custom.status or status, headers)


def _read(response: EmulatedResource) -> _Custom:
    properties = Properties(response.resource)
    properties.ignore("RestApiId", "ResponseType")
    status = properties.pop("StatusCode", None)
    parameters: dict[str, str] = properties.pop("ResponseParameters", {})
    template = properties.pop("ResponseTemplates", {}).get("application/json", _DEFAULT_TEMPLATE)
    properties.finish()
    if unknown := set(_VARIABLE.findall(template)) - _KNOWN_VARIABLES:
        raise TemplateError(f"{response.resource.place}: the gateway cannot render {', '.join(sorted(unknown))}")
    headers = {}
    for name, value in parameters.items():
        if not name.startswith(_HEADER_PREFIX) or value[:1] != "'" or value[-1:] != "'":
            raise TemplateError(f"{response.resource.place}: the gateway cannot render the parameter {name}: {value}")
        headers[name.removeprefix(_HEADER_PREFIX).lower()] = value[1:-1]
    return _Custom(int(status) if status else None, headers, template)
