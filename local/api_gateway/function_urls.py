"""Function URLs on one machine: an address for one function alone, with events of payload format 2.0."""

from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from local.api_gateway.events import ReceivedRequest, function_url_event
from local.api_gateway.gateway_responses import GatewayError
from local.api_gateway.proxy_response import http_response
from local.cloudformation.errors import TemplateError
from local.cloudformation.properties import Properties
from local.lambda_runtime.function import LambdaFunction, PayloadTooLarge
from local.lambda_runtime.functions import Functions
from local.provisioning.provisioner import Provisioned


@dataclass(frozen=True)
class FunctionUrl:
    """An ASGI application that answers at a function's own address."""

    function: LambdaFunction

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        http = Request(scope, receive)
        try:
            request = ReceivedRequest(http=http, body=await http.body())
        except ClientDisconnect:
            return
        response = await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: ReceivedRequest) -> Response:
        try:
            answer = await self.function.invoke(function_url_event(request))
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
