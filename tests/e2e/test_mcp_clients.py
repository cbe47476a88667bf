"""Clients of the Model Context Protocol's SDK against the local system: over HTTP, and through `darkroom mcp`."""

import asyncio
import base64
import io
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from PIL import Image

from tests.harness.local_system import SLOW, System

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult

pytestmark = [pytest.mark.xdist_group("local_system")]

SMALL: Final[dict[str, Any]] = {"prompt": "A dog", "width": 64, "height": 64, "steps": 2, "seed": 1}
TOOLS: Final = {
    "generate_image",
    "edit_image",
    "get_task",
    "list_tasks",
    "cancel_task",
    "list_runtimes",
    "list_models",
}


@asynccontextmanager
async def over_http(system: System, *, key: str = "", mode: str = "auto") -> AsyncIterator["Client"]:
    import httpx2  # noqa: PLC0415 - takes a second, and every process reads this file to know its tests
    from mcp import Client  # noqa: PLC0415 - as above
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415 - as above

    headers = {"authorization": f"Bearer {key or system.endpoints['api_key']}"}
    url = f"{system.endpoints['http_url'].rstrip('/')}/mcp"
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http_client,
        Client(streamable_http_client(url, http_client=http_client), mode=mode) as client,
    ):
        yield client


@asynccontextmanager
async def over_stdio(system: System, *options: str) -> AsyncIterator["Client"]:
    from mcp import Client, StdioServerParameters  # noqa: PLC0415 - as above

    command = str(Path(sys.executable).with_name("darkroom"))
    chosen = options or ("--state-dir", str(system.state_directory))
    async with Client(StdioServerParameters(command=command, args=[*chosen, "mcp"])) as client:
        yield client


def task_of(result: "CallToolResult") -> dict[str, Any]:
    assert not result.is_error, result.content
    task: dict[str, Any] = result.structured_content
    return task


async def finished(client: "Client", task_id: str) -> "CallToolResult":
    """Return the task at its end; each call waits, and the limit of the test ends the loop."""
    while True:
        result = await client.call_tool("get_task", {"task_id": task_id, "wait_seconds": 10})
        if result.is_error or task_of(result)["status"] not in {"IN_QUEUE", "IN_PROGRESS"}:
            return result


def sizes(result: "CallToolResult") -> list[tuple[int, int]]:
    """Return the sizes of the pictures that an assistant sees."""
    found = [block for block in result.content if block.type == "image"]
    return [Image.open(io.BytesIO(base64.b64decode(block.data))).size for block in found]


async def journey(client: "Client") -> None:
    """Make a picture, read it, edit it and find it in the lists."""
    assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
    runtimes = task_of(await client.call_tool("list_runtimes", {}))["runtimes"]
    assert [each["runtime"] for each in runtimes] == ["sdruntime", "dynamic"]
    models = task_of(await client.call_tool("list_models", {"runtime": "dynamic"}))["models"]
    assert {each["runtime"] for each in models} == {"dynamic"}

    task_id = task_of(await client.call_tool("generate_image", SMALL | {"count": 2}))["task_id"]
    made = await finished(client, task_id)
    assert (task_of(made)["status"], sizes(made)) == ("COMPLETED", [(64, 64)] * 2)
    uri = task_of(made)["images"][1]["resource"]
    (read,) = (await client.read_resource(uri)).contents
    assert read.uri == uri
    assert Image.open(io.BytesIO(base64.b64decode(getattr(read, "blob", "")))).size == (64, 64)
    assert uri in {resource.uri for resource in (await client.list_resources()).resources}
    (template,) = (await client.list_resource_templates()).resource_templates
    assert template.uri_template.startswith("darkroom://tasks/")

    edit = SMALL | {"image": uri, "denoising_strength": 0.5}
    edited = await finished(client, task_of(await client.call_tool("edit_image", edit))["task_id"])
    assert (task_of(edited)["status"], sizes(edited)) == ("COMPLETED", [(64, 64)])
    listed = task_of(await client.call_tool("list_tasks", {"status": "COMPLETED"}))["tasks"]
    assert task_id in {task["task_id"] for task in listed}


def test_pictures_over_http(system: System) -> None:
    async def act() -> None:
        # A client that asks for the version falls back to the handshake after ten seconds, on a busy machine too early.
        async with over_http(system, mode="2026-07-28") as client:
            await journey(client)

    asyncio.run(act())


@pytest.mark.slow
def test_pictures_over_http_with_the_handshake_of_older_clients(system: System) -> None:
    async def act() -> None:
        async with over_http(system, mode="legacy") as client:
            assert client.protocol_version == "2025-11-25"
            await journey(client)

    asyncio.run(act())


@pytest.mark.slow
def test_pictures_through_the_command_with_progress(system: System, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    Image.new("RGB", (64, 64), "green").save(picture)
    reports: list[tuple[float, str | None]] = []

    async def report(progress: float, total: float | None, message: str | None) -> None:
        reports.append((progress, message))

    async def act() -> None:
        async with over_stdio(system) as client:
            assert client.server_info is not None
            assert client.server_info.name == "darkroom"
            await journey(client)
            asked = SMALL | {"steps": 100, "image": str(picture), "wait_seconds": 240}
            made = await client.call_tool("edit_image", asked, progress_callback=report)
            assert (task_of(made)["status"], sizes(made)) == ("COMPLETED", [(64, 64)])

    asyncio.run(act())
    assert reports
    assert [share for share, _ in reports] == sorted(share for share, _ in reports)


@pytest.mark.slow
def test_a_running_task_is_cancelled_and_a_wait_ends_before_the_gateway_gives_up(system: System) -> None:
    async def act() -> None:
        async with over_http(system) as client:
            slow = {"prompt": "A dog", "steps": SLOW["steps"], "count": 8, "width": 512, "height": 512}
            task = task_of(await client.call_tool("generate_image", slow | {"wait_seconds": 300}))
            assert task["status"] in {"IN_QUEUE", "IN_PROGRESS"}
            cancelled = await client.call_tool("cancel_task", {"task_id": task["task_id"]})
            assert task_of(cancelled)["status"] == "CANCELLED"

    asyncio.run(act())


@pytest.mark.slow
def test_errors_help_the_assistant(system: System) -> None:
    from mcp.shared.exceptions import MCPError  # noqa: PLC0415 - as above

    async def act() -> None:
        async with over_http(system) as client:
            refused = await client.call_tool("generate_image", SMALL | {"width": 4096, "heigth": 64})
            assert refused.is_error
            assert "heigth: is not an argument of this tool" in json.dumps(refused.structured_content)
            large = await client.call_tool("generate_image", SMALL | {"width": 4096})
            (detail,) = (large.structured_content or {})["error"]["details"]
            assert (detail["field"], "this runtime accepts" in detail["message"]) == ("width", True)
            failed = await client.call_tool("edit_image", SMALL | {"image": "https://127.0.0.1/cat.png"})
            ended = await finished(client, (failed.structured_content or {})["task_id"])
            assert ended.is_error
            assert (ended.structured_content or {})["error"]["code"] == "link_refused"
            with pytest.raises(MCPError, match="there is no tool 'none'"):
                await client.call_tool("none", {})

    asyncio.run(act())


@pytest.mark.slow
def test_the_task_of_another_key_is_not_found(system: System) -> None:
    async def act() -> None:
        async with over_http(system) as owner:
            task_id = task_of(await owner.call_tool("generate_image", SMALL))["task_id"]
        async with over_http(system, key=system.api_key("guest")) as guest:
            for tool in ("get_task", "cancel_task"):
                refused = await guest.call_tool(tool, {"task_id": task_id})
                assert (refused.structured_content or {})["error"]["code"] == "task_not_found"

    asyncio.run(act())


@pytest.mark.slow
def test_a_wrong_key_is_refused_over_http_and_named_by_the_command(system: System) -> None:
    response = system.http("POST", "/mcp", key="wrong", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert response.status_code == 401

    async def run_command() -> tuple[int | None, str]:
        command = str(Path(sys.executable).with_name("darkroom"))
        url = system.endpoints["http_url"]
        process = await asyncio.create_subprocess_exec(
            command, "--url", url, "--key", "wrong", "mcp", stderr=asyncio.subprocess.PIPE
        )
        _, words = await process.communicate()
        return process.returncode, words.decode()

    code, words = asyncio.run(run_command())
    assert code == 3
    assert "does not accept the key of --key or DARKROOM_API_KEY" in words


def test_get_and_delete_are_refused_as_the_protocol_says(system: System) -> None:
    for method in ("GET", "DELETE"):
        response = system.http(method, "/mcp")
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
