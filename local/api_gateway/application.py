"""Gateway of the REST API: every HTTP request passes route, authorizer, usage plan and function."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from local.api_gateway.authorization import Authorization, read_authorization
from local.api_gateway.events import GatewayRequest
from local.api_gateway.gateway_responses import GatewayError
from local.api_gateway.proxy_response import compressed, http_response
from local.api_gateway.rest_api import AuthorizerFunction, RestApi
from local.api_gateway.routes import Routes
from local.api_gateway.usage_plans import UsagePlans
from local.lambda_runtime.function import PayloadTooLarge
from local.lambda_runtime.functions import Functions
from local.lambda_runtime.runtime_api import InvocationResult

#: Bytes of a request's body (API Gateway quotas, payload size).
MAX_BODY_BYTES: Final = 10 * 1024 * 1024


class Gateway:
    """An ASGI application that answers for the REST API, at the root as behind a custom domain."""

    def __init__(
        self,
        api: RestApi,
        *,
        functions: Functions,
        usage_plans: UsagePlans,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._functions = functions
        self._usage_plans = usage_plans
        self._now = now
        self._routes = Routes(api.methods)
        # A function that cannot run here is reported when the system starts, not with the first request.
        for method in api.methods:
            for arn in (method.function_arn, *([method.authorizer.arn] if method.authorizer else [])):
                functions.find(arn)
        #: Answers of authorizers by function and key, each with the time at which it ends.
        self._answers: dict[tuple[str, str], tuple[InvocationResult, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        http = Request(scope, receive)
        try:
            response = await self._answer(http)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def _answer(self, http: Request) -> Response:
        request: GatewayRequest | None = None
        try:
            request = await self._read(http)
            response = await self._proceed(request)
        except GatewayError as refused:
            request_id = request.request_id if request else "unrouted"
            response = self._api.responses.render(refused, request_id=request_id)
        if request:
            response.headers["x-amzn-requestid"] = request.request_id
        return response

    async def _read(self, http: Request) -> GatewayRequest:
        match = self._routes.find(http.method, http.scope["raw_path"].decode("ascii", "replace"))
        if match is None:
            raise GatewayError("MISSING_AUTHENTICATION_TOKEN")
        body = bytearray()
        too_large = False
        # The rest is read and dropped, because a sender whose connection closes misses the answer.
        async for chunk in http.stream():
            too_large = too_large or len(body) + len(chunk) > MAX_BODY_BYTES
            if not too_large:
                body += chunk
        if too_large:
            raise GatewayError("REQUEST_TOO_LARGE")
        return GatewayRequest(api=self._api, match=match, http=http, body=bytes(body))

    async def _proceed(self, request: GatewayRequest) -> Response:
        method = request.match.method
        authorization: Authorization | None = None
        if method.authorizer:
            answer = await self._authorizer_answer(method.authorizer, request)
            authorization = read_authorization(answer, request.method_arn)
        key_id, key = self._admit(request, authorization)
        event = request.proxy_event(authorization.context if authorization else None, key_id, key)
        answer = await self._invoke(method.function_arn, event, method.timeout_seconds)
        headers = request.http.headers
        response = http_response(
            answer, accept=headers.get("accept", ""), binary_media_types=self._api.binary_media_types
        )
        return compressed(response, accept_encoding=headers.get("accept-encoding", ""), api=self._api)

    async def _authorizer_answer(self, authorizer: AuthorizerFunction, request: GatewayRequest) -> InvocationResult:
        """Ask the authorizer, or return its kept answer; raise GatewayError for a request without its key's header."""
        seconds = request.match.method.timeout_seconds
        if authorizer.key_header is None:
            return await self._invoke(authorizer.arn, request.authorizer_event(), seconds)
        key = request.http.headers.get(authorizer.key_header, "")
        if not key:
            raise GatewayError("UNAUTHORIZED")
        answer, ends_at = self._answers.get((authorizer.arn, key), (None, 0.0))
        if answer is None or self._now() >= ends_at:
            answer = await self._invoke(authorizer.arn, request.authorizer_event(), seconds)
            # API Gateway keeps policies, and no errors.
            if not answer.is_error:
                self._answers[authorizer.arn, key] = answer, self._now() + authorizer.answer_max_age_seconds
        return answer

    def _admit(self, request: GatewayRequest, authorization: Authorization | None) -> tuple[str | None, str | None]:
        if not request.match.method.needs_key:
            return None, None
        if self._api.key_from_authorizer:
            value = authorization.usage_key if authorization else None
        else:
            value = request.http.headers.get("x-api-key")
        key = self._usage_plans.admit(value or "")
        return key.key_id, key.value

    async def _invoke(self, arn: str, event: Any, timeout_seconds: float) -> InvocationResult:
        invocation = asyncio.ensure_future(self._functions.find(arn).invoke(event))
        try:
            # The function continues after the gateway's timeout, as on AWS.
            return await asyncio.wait_for(asyncio.shield(invocation), timeout_seconds)
        except TimeoutError:
            raise GatewayError("INTEGRATION_TIMEOUT") from None
        except PayloadTooLarge:
            raise GatewayError("REQUEST_TOO_LARGE") from None
