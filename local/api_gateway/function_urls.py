"""Function URLs on one machine: an address for one function alone, with events of payload format 2.0."""

import base64
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from local.api_gateway.events import values_by_name
from local.api_gateway.gateway_responses import GatewayError
from local.api_gateway.proxy_response import http_response
from local.cloudformation.errors import TemplateError
from local.cloudformation.properties import Properties
from local.lambda_runtime.function import LambdaFunction, PayloadTooLarge
from local.lambda_runtime.functions import Functions
from local.provisioning.provisioner import Provisioned

#: What Lambda passes on as text; everything else arrives as base64.
_TEXT_TYPES: Final = ("text/", "application/json", "application/javascript", "application/xml")


@dataclass(frozen=True)
class FunctionUrl:
    """An ASGI application that answers at a function's own address."""

    function: LambdaFunction

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        http = Request(scope, receive)
        try:
            body = await http.body()
        except ClientDisconnect:
            return
        await (await self._answer(http, body))(scope, receive, send)

    async def _answer(self, http: Request, body: bytes) -> Response:
        try:
            answer = await self.function.invoke(url_event(http, body))
            return http_response(answer, accept="", binary_media_types=("*/*",))
        except PayloadTooLarge as error:
            return JSONResponse({"Message": str(error)}, 413)
        except GatewayError:
            return JSONResponse({"Message": "Internal Server Error"}, 502)


def function_urls(provisioned: Provisioned, functions: Functions) -> dict[str, FunctionUrl]:
    """Return the application of each address in the templates, by the folder of its function under `lambdas/`."""
    found = {}
    for url in provisioned.of_type("AWS::Lambda::Url"):
        properties = Properties(url.resource)
        if (kind := properties.require("AuthType")) != "NONE":
            raise TemplateError(f"{url.resource.place}: the gateway knows function URLs of auth type NONE, not {kind}")
        function = functions.find(properties.require("TargetFunctionArn"))
        properties.finish()
        found[function.definition.handler.split(".")[1]] = FunctionUrl(function)
    return found


def url_event(http: Request, body: bytes) -> dict[str, Any]:
    """Return the event of a request (Lambda developer guide, "Request and response payloads" of function URLs)."""
    path: str = http.scope["path"]
    domain = http.headers.get("host", "localhost")
    headers, query = values_by_name(http.headers.items()), values_by_name(http.query_params.multi_items())
    source = http.client.host if http.client else "127.0.0.1"
    now = time.time()
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": http.scope["query_string"].decode("ascii", "replace"),
        "headers": {name: ",".join(values) for name, values in headers.items()},
        **({"queryStringParameters": {name: ",".join(values) for name, values in query.items()}} if query else {}),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.split(".", 1)[0],
            "http": {
                "method": http.method,
                "path": path,
                "protocol": f"HTTP/{http.scope.get('http_version', '1.1')}",
                "sourceIp": source,
                "userAgent": http.headers.get("user-agent"),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": "$default",
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        **_encoded(body, http.headers.get("content-type", "")),
    }


def _encoded(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    if content_type.lower().startswith(_TEXT_TYPES):
        return {"body": body.decode(errors="replace"), "isBase64Encoded": False}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
