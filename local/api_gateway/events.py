"""Events for the functions behind HTTP: those of the REST API (payload format 1.0), its authorizer, and URLs (2.0)."""

import base64
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request

from local.api_gateway.rest_api import RestApi
from local.api_gateway.routes import Match
from local.cloudformation.stack import ACCOUNT_ID

#: What a function URL passes on as text; everything else arrives as base64.
_TEXT_TYPES: Final = ("text/", "application/json", "application/javascript", "application/xml")


@dataclass(kw_only=True)
class ReceivedRequest:
    """One request with its whole body."""

    http: Request
    body: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    received_at: float = field(default_factory=time.time)

    @property
    def path(self) -> str:
        """The path without the query, percent-decoded."""
        path: str = self.http.scope["path"]
        return path

    @property
    def source_ip(self) -> str:
        """The address of the caller."""
        return self.http.client.host if self.http.client else "127.0.0.1"

    @property
    def protocol(self) -> str:
        """The version of HTTP."""
        return f"HTTP/{self.http.scope.get('http_version', '1.1')}"

    def common_context(self) -> dict[str, Any]:
        """Return the entries of an event's request context that both formats have."""
        domain = self.http.headers.get("host", "localhost")
        return {"domainName": domain, "domainPrefix": domain.split(".", 1)[0], "requestId": self.request_id}

    def arrival(self, name: str) -> dict[str, Any]:
        """Return the time of arrival, as text under `name` and as milliseconds."""
        text = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.received_at))
        return {name: text, f"{name}Epoch": int(self.received_at * 1000)}

    def encoded_body(self, *, is_text: bool) -> dict[str, Any]:
        """Return the body as an event holds it."""
        text = self.body.decode(errors="replace") if is_text else base64.b64encode(self.body).decode()
        return {"body": text, "isBase64Encoded": not is_text}


def function_url_event(request: ReceivedRequest) -> dict[str, Any]:
    """Return the event of a request (Lambda developer guide, "Request and response payloads" of function URLs)."""
    http = request.http
    headers, query = values_by_name(http.headers.items()), values_by_name(http.query_params.multi_items())
    is_text = http.headers.get("content-type", "").lower().startswith(_TEXT_TYPES)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": http.scope["query_string"].decode("ascii", "replace"),
        "headers": {name: ",".join(values) for name, values in headers.items()},
        **({"queryStringParameters": {name: ",".join(values) for name, values in query.items()}} if query else {}),
        "requestContext": request.common_context()
        | {
            "accountId": "anonymous",
            "apiId": "local",
            "http": {
                "method": http.method,
                "path": request.path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": http.headers.get("user-agent"),
            },
            "routeKey": "$default",
            "stage": "$default",
            **request.arrival("time"),
        },
        **(request.encoded_body(is_text=is_text) if request.body else {"isBase64Encoded": False}),
    }


@dataclass(kw_only=True)
class GatewayRequest(ReceivedRequest):
    """One request on its way through the gateway."""

    api: RestApi
    match: Match

    def proxy_event(self, authorizer_context: dict[str, Any] | None, key_id: str | None, key: str | None) -> Any:
        """Return the event for the method's function."""
        event = self._common()
        identity = event["requestContext"]["identity"]
        if key_id:
            identity |= {"apiKey": key, "apiKeyId": key_id}
        if authorizer_context is not None:
            event["requestContext"]["authorizer"] = authorizer_context
        if not self.body:
            return event | {"body": None, "isBase64Encoded": False}
        content_type = self.http.headers.get("content-type", "")
        is_text = not matches_media_type(content_type, self.api.binary_media_types)
        return event | self.encoded_body(is_text=is_text)

    def authorizer_event(self) -> Any:
        """Return the event for a REQUEST authorizer; it does not hold the body."""
        return {"type": "REQUEST", "methodArn": self.method_arn, **self._common()}

    @property
    def method_arn(self) -> str:
        """The ARN that the authorizer's policy must allow."""
        prefix = f"arn:aws:execute-api:{self.api.region}:{ACCOUNT_ID}:{self.api.api_id}/{self.api.stage}"
        return f"{prefix}/{self.http.method}{self.path}"

    def _common(self) -> dict[str, Any]:
        headers = values_by_name(self.http.headers.items())
        for name, value in self._added_headers().items():
            headers.setdefault(name, []).append(value)
        query = values_by_name(self.http.query_params.multi_items())
        return {
            "resource": self.match.method.resource_path,
            "path": self.path,
            "httpMethod": self.http.method,
            "headers": _last(headers),
            "multiValueHeaders": headers,
            "queryStringParameters": _last(query) or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": self.match.path_parameters or None,
            "stageVariables": None,
            "requestContext": self._context(),
        }

    def _context(self) -> dict[str, Any]:
        return self.common_context() | {
            "accountId": ACCOUNT_ID,
            "apiId": self.api.api_id,
            "deploymentId": "local",
            "extendedRequestId": base64.b64encode(self.request_id[:12].encode()).decode(),
            "httpMethod": self.http.method,
            "identity": {
                "accessKey": None,
                "accountId": None,
                "caller": None,
                "cognitoAuthenticationProvider": None,
                "cognitoAuthenticationType": None,
                "cognitoIdentityId": None,
                "cognitoIdentityPoolId": None,
                "principalOrgId": None,
                "sourceIp": self.source_ip,
                "user": None,
                "userAgent": self.http.headers.get("user-agent"),
                "userArn": None,
            },
            "path": self.path,
            "protocol": self.protocol,
            **self.arrival("requestTime"),
            "resourceId": self.match.method.resource_id,
            "resourcePath": self.match.method.resource_path,
            "stage": self.api.stage,
        }

    def _added_headers(self) -> dict[str, str]:
        trace = f"Root=1-{int(self.received_at):08x}-{uuid.uuid4().hex[:24]}"
        return {
            "X-Amzn-Trace-Id": trace,
            "X-Forwarded-For": self.source_ip,
            "X-Forwarded-Port": str(self.http.url.port or 80),
            "X-Forwarded-Proto": "http",
        }


def matches_media_type(value: str, media_types: tuple[str, ...]) -> bool:
    """Return True if the first media type of a header is one of `media_types`; `*/*` matches all."""
    media_type = value.split(",", 1)[0].split(";", 1)[0].strip().lower()
    return "*/*" in media_types or media_type in media_types


def values_by_name(items: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return all values of each name, in their order."""
    collected: dict[str, list[str]] = {}
    for name, value in items:
        collected.setdefault(name, []).append(value)
    return collected


def _last(values: dict[str, list[str]]) -> dict[str, str]:
    return {name: items[-1] for name, items in values.items()}
