"""The events that API Gateway sends to functions: proxy events (payload format 1.0) and those of an authorizer."""

import base64
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from local.api_gateway.rest_api import RestApi
from local.api_gateway.routes import Match
from local.cloudformation.stack import ACCOUNT_ID


@dataclass
class GatewayRequest:
    """One request on its way through the gateway."""

    api: RestApi
    match: Match
    http: Request
    body: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    received_at: float = field(default_factory=time.time)

    def proxy_event(self, authorizer_context: dict[str, Any] | None, key_id: str | None, key: str | None) -> Any:
        """Return the event for the method's function."""
        event = self._common()
        identity = event["requestContext"]["identity"]
        if key_id:
            identity |= {"apiKey": key, "apiKeyId": key_id}
        if authorizer_context is not None:
            event["requestContext"]["authorizer"] = authorizer_context
        return event | self._encoded_body()

    def authorizer_event(self) -> Any:
        """Return the event for a REQUEST authorizer; it does not hold the body."""
        return {"type": "REQUEST", "methodArn": self.method_arn, **self._common()}

    @property
    def method_arn(self) -> str:
        """The ARN that the authorizer's policy must allow."""
        prefix = f"arn:aws:execute-api:{self.api.region}:{ACCOUNT_ID}:{self.api.api_id}/{self.api.stage}"
        return f"{prefix}/{self.http.method}{self._path}"

    def _common(self) -> dict[str, Any]:
        headers = values_by_name(self.http.headers.items())
        for name, value in self._added_headers().items():
            headers.setdefault(name, []).append(value)
        query = values_by_name(self.http.query_params.multi_items())
        return {
            "resource": self.match.method.resource_path,
            "path": self._path,
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
        domain = self.http.headers.get("host", "localhost")
        return {
            "accountId": ACCOUNT_ID,
            "apiId": self.api.api_id,
            "deploymentId": "local",
            "domainName": domain,
            "domainPrefix": domain.split(".", 1)[0],
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
                "sourceIp": self._source_ip,
                "user": None,
                "userAgent": self.http.headers.get("user-agent"),
                "userArn": None,
            },
            "path": self._path,
            "protocol": f"HTTP/{self.http.scope.get('http_version', '1.1')}",
            "requestId": self.request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(self.received_at)),
            "requestTimeEpoch": int(self.received_at * 1000),
            "resourceId": self.match.method.resource_id,
            "resourcePath": self.match.method.resource_path,
            "stage": self.api.stage,
        }

    @property
    def _path(self) -> str:
        path: str = self.http.scope["path"]
        return path

    @property
    def _source_ip(self) -> str:
        return self.http.client.host if self.http.client else "127.0.0.1"

    def _added_headers(self) -> dict[str, str]:
        trace = f"Root=1-{int(self.received_at):08x}-{uuid.uuid4().hex[:24]}"
        return {
            "X-Amzn-Trace-Id": trace,
            "X-Forwarded-For": self._source_ip,
            "X-Forwarded-Port": str(self.http.url.port or 80),
            "X-Forwarded-Proto": "http",
        }

    def _encoded_body(self) -> dict[str, Any]:
        if not self.body:
            return {"body": None, "isBase64Encoded": False}
        content_type = self.http.headers.get("content-type", "")
        if matches_media_type(content_type, self.api.binary_media_types):
            return {"body": base64.b64encode(self.body).decode(), "isBase64Encoded": True}
        return {"body": self.body.decode(errors="replace"), "isBase64Encoded": False}


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
