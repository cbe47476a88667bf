"""Hosts under which the servers inside the local system answer."""

import asyncio

import httpx
import pytest
from starlette.responses import Response

from local.processes.http_server import HttpServer


async def status_for(host: str) -> int:
    server = HttpServer(Response(status_code=204))
    await server.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            return (await client.get(server.url, headers={"Host": host})).status_code
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1:8350", 204), ("localhost:8350", 204), ("evil.example:8350", 400)]
)
def test_only_names_of_this_machine_are_answered(host: str, status: int) -> None:
    assert asyncio.run(status_for(host)) == status
