"""Function of the HTTP API at its own Lambda function URL, without API Gateway.

API Gateway gives up after 29 seconds. At its own URL a function may answer until its own timeout. This module then
does the work of API Gateway: it checks the key, and converts the event to the form that API Gateway sends.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from contract.errors import DarkroomError
from lambdas.authorize.authorizer import Authorizer, SecretsUnreadable, Unauthorized, key_in
from lambdas.http.application import HttpApplication
from lambdas.http.responses import WrongKey
from lambdas.runtime.aws_errors import AwsUnavailable

#: Seconds after which a function behind API Gateway, which gives up after 29, answers with the present state.
GATEWAY_RESPONSE_SECONDS: Final = 25.0
#: Seconds between the deadline of a response and the timeout of the function.
RESPONSE_MARGIN_SECONDS: Final = 5.0
#: Key of the deadline of a route's response, in seconds of the monotonic clock: `application.context[...]`.
DEADLINE: Final = "deadline"


@dataclass(frozen=True)
class HttpFunction:
    """Answers events of both kinds; only events of a function URL need the `authorizer`."""

    application: HttpApplication
    authorizer: Authorizer

    def resolve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one event."""
        if event.get("version") != "2.0":
            self.application.context[DEADLINE] = time.monotonic() + GATEWAY_RESPONSE_SECONDS - _age_seconds(event)
            return self.application.resolve(event, context)
        if event["requestContext"]["http"]["method"] == "OPTIONS":
            return _url_response(self.application.policy.preflight(event.get("headers")))
        try:
            key_name = self.authorizer.name_of(key_in(event.get("headers")))
        except Unauthorized:
            refusal: DarkroomError = WrongKey("Send a valid key in the header x-api-key or Authorization")
        except SecretsUnreadable:
            refusal = AwsUnavailable("the keys cannot be read at the moment; send the request again")
        else:
            seconds = context.get_remaining_time_in_millis() / 1000 - RESPONSE_MARGIN_SECONDS
            self.application.context[DEADLINE] = time.monotonic() + seconds
            return _url_response(self.application.resolve(proxy_event(event, key_name), context))
        response = self.application.error_response(refusal)
        headers = _headers(response.headers) | self.application.policy.headers(event.get("headers"))
        return {"statusCode": response.status_code, "headers": headers, "body": response.body}


def _age_seconds(event: Mapping[str, Any]) -> float:
    """Return how long ago API Gateway received the request, because a cold start uses part of the same 29 seconds."""
    received_at_ms = event["requestContext"].get("requestTimeEpoch", 0)
    age = time.time() - received_at_ms / 1000
    # Any other age is a difference between clocks.
    return age if 0 < age < GATEWAY_RESPONSE_SECONDS else 0.0


def proxy_event(event: Mapping[str, Any], key_name: str) -> dict[str, Any]:
    """Return the event of a function URL (payload format 2.0) in the form of API Gateway (1.0)."""
    context = event["requestContext"]
    http = context["http"]
    headers = dict(event.get("headers") or {})
    query = dict(event.get("queryStringParameters") or {})
    return {
        "resource": "/{proxy+}",
        "path": event["rawPath"],
        "httpMethod": http["method"],
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "requestId": context["requestId"],
            "stage": context["stage"],
            "httpMethod": http["method"],
            "path": event["rawPath"],
            "identity": {"sourceIp": http["sourceIp"], "userAgent": http.get("userAgent")},
            "authorizer": {"principalId": key_name},
        },
        "body": event.get("body"),
        "isBase64Encoded": bool(event.get("isBase64Encoded")),
    }


def _url_response(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return a response of payload format 1.0 in format 2.0, whose headers have one value each."""
    rest = {name: value for name, value in response.items() if name != "multiValueHeaders"}
    return rest | {"headers": _headers(response.get("multiValueHeaders") or {})}


def _headers(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else ", ".join(value) for name, value in values.items()}
