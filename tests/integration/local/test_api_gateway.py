"""The gateway on a real socket, in front of a function under the real runtime client."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import httpx
import pytest

from local.api_gateway.application import Gateway
from local.api_gateway.gateway_responses import GatewayResponses
from local.api_gateway.rest_api import Method, RestApi
from local.api_gateway.usage_plans import UsagePlans
from local.lambda_runtime.function import LambdaFunction
from local.processes.http_server import HttpServer
from tests.harness.function_runner import FunctionRunner

T = TypeVar("T")

CODE = """
import json

def handler(event, context):
    if event["resource"] == "/picture":
        headers = {"Content-Type": "image/png"}
        return {"statusCode": 200, "headers": headers, "body": event["body"], "isBase64Encoded": True}
    seen = {key: event[key] for key in ("httpMethod", "path", "pathParameters", "queryStringParameters")}
    seen["length"] = len(event["body"] or "")
    return {"statusCode": 202, "headers": {"X-Seen": context.aws_request_id}, "body": json.dumps(seen)}
"""


class OneFunction:
    def __init__(self, function: LambdaFunction) -> None:
        self.function = function

    def find(self, arn: str) -> LambdaFunction:
        return self.function


def method(path: str) -> Method:
    return Method("ANY", path, path, "arn:f", 29, None, needs_key=False)


API = RestApi(
    api_id="api",
    stage="stage",
    region="us-east-1",
    key_from_authorizer=True,
    binary_media_types=("image/png",),
    methods=(method("/tasks/{id}"), method("/picture")),
    keys=(),
    responses=GatewayResponses({}),
)


class Served(Protocol):
    """Runs a scenario with a client of the gateway."""

    def __call__(self, scenario: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T: ...


@pytest.fixture
def served(run_function: FunctionRunner, write_function: Callable[[str], None]) -> Served:
    write_function(CODE)

    def run(scenario: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
        async def whole(function: LambdaFunction) -> T:
            functions: Any = OneFunction(function)
            server = HttpServer(Gateway(API, functions=functions, usage_plans=UsagePlans(())))
            await server.start()
            try:
                async with httpx.AsyncClient(base_url=server.url, timeout=30, trust_env=False) as client:
                    return await scenario(client)
            finally:
                await server.stop()

        return run_function(whole)

    return run


def test_requests_at_the_same_time(served: Served) -> None:
    async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
        return list(await asyncio.gather(*(client.get(f"/tasks/{number}%2Fx?q=a%26b") for number in range(20))))

    for number, response in enumerate(served(scenario)):
        assert response.status_code == 202
        assert response.headers["x-seen"]
        assert response.json() == {
            "httpMethod": "GET",
            "path": f"/tasks/{number}/x",
            "pathParameters": {"id": f"{number}/x"},
            "queryStringParameters": {"q": "a&b"},
            "length": 0,
        }


def test_bytes_go_both_ways(served: Served) -> None:
    picture = bytes(range(256))

    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        headers = {"content-type": "image/png", "accept": "image/png"}
        return await client.post("/picture", content=picture, headers=headers)

    response = served(scenario)
    assert response.content == picture
    assert response.headers["content-type"] == "image/png"


@pytest.mark.parametrize(("size", "status"), [(5_900_000, 202), (6 * 1024 * 1024, 413), (11 * 1024 * 1024, 413)])
def test_sizes(served: Served, size: int, status: int) -> None:
    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/tasks/7", content=b"x" * size)

    assert served(scenario).status_code == status
