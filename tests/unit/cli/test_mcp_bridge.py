"""Bridge of `darkroom mcp`: what it passes on, and what it adds, seen by the client of the protocol's SDK."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent

import darkroom
from cli.mcp_bridge import McpBridge

EDIT_IMAGE: Final = {
    "name": "edit_image",
    "inputSchema": {"type": "object", "properties": {"image": {"type": "string", "description": "The picture"}}},
}


def shown(status: str, progress: float = 0.0, **more: int) -> dict[str, Any]:
    task = {"task_id": "mcp-1", "status": status, "progress": progress, **more}
    return {"content": [{"type": "text", "text": status}], "structuredContent": task}


@dataclass
class FakeApi:
    """Answers each request but that for the tools with the next result, and records these requests."""

    results: list[dict[str, Any] | darkroom.Error] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    uploaded: list[Path] = field(default_factory=list)

    async def call(self, method: str, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        assert (method, path) == ("POST", "/mcp")
        if document["method"] == "tools/list":
            return {"jsonrpc": "2.0", "id": 1, "result": {"tools": [EDIT_IMAGE]}}
        self.asked.append((document["method"], document["params"]))
        result = self.results.pop(0)
        if isinstance(result, darkroom.Error):
            raise result
        return result if "error" in result else {"jsonrpc": "2.0", "id": 1, "result": result}

    async def upload(self, picture: Path) -> str:
        if not picture.exists():  # noqa: ASYNC240 - nothing else runs meanwhile
            raise FileNotFoundError(2, "No such file or directory", str(picture))
        self.uploaded.append(picture)
        return "s3://uploads/1"


async def no_pause(_seconds: float) -> None:
    """Wait for nothing."""


def use(api: FakeApi, act: Callable[[Client], Awaitable[None]]) -> None:
    """Let a client of the SDK act on a bridge to this API."""

    async def run() -> None:
        bridge = McpBridge(reads=api, submits=api, sleep=no_pause)
        server = bridge.server({"name": "darkroom", "version": "1"}, "Makes pictures.")
        async with Client(server, mode="legacy") as client:
            assert client.instructions == "Makes pictures."
            await act(client)

    asyncio.run(run())


def text_of(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def test_the_tools_are_those_of_the_environment_with_paths_of_pictures() -> None:
    async def act(client: Client) -> None:
        (tool,) = (await client.list_tools()).tools
        description = tool.input_schema["properties"]["image"]["description"]
        assert description == "The picture. Or the path of a picture on this machine, which is uploaded"

    use(FakeApi(), act)


def test_a_wait_shows_progress_and_ends_with_the_task() -> None:
    results: list[Any] = [
        shown("IN_QUEUE", queue_position=3),
        shown("IN_PROGRESS", 0.5),
        shown("IN_PROGRESS", 0.5),
        shown("COMPLETED", 1),
    ]
    api, reports = FakeApi(results), list[tuple[float, str | None]]()

    async def act(client: Client) -> None:
        async def report(progress: float, total: float | None, message: str | None) -> None:
            reports.append((progress, message))

        arguments = {"prompt": "A dog", "wait_seconds": 30}
        result = await client.call_tool("generate_image", arguments, progress_callback=report)
        assert text_of(result) == "COMPLETED"

    use(api, act)
    assert [message for _, message in reports] == [
        "IN_QUEUE 0%, place 3 in the queue",
        "IN_PROGRESS 50%",
        "IN_PROGRESS 50%",
    ]
    assert [share for share, _ in reports] == sorted({share for share, _ in reports})
    assert api.asked[0] == (
        "tools/call",
        {"name": "generate_image", "arguments": {"prompt": "A dog", "wait_seconds": 0}},
    )
    assert api.asked[1:] == [("tools/call", {"name": "get_task", "arguments": {"task_id": "mcp-1"}})] * 3


def test_a_wait_ends_after_its_seconds() -> None:
    api = FakeApi([shown("IN_QUEUE")] * 4)

    async def act(client: Client) -> None:
        assert text_of(await client.call_tool("get_task", {"task_id": "mcp-1", "wait_seconds": 3})) == "IN_QUEUE"

    use(api, act)
    assert len(api.asked) == 4


def test_a_poll_that_fails_does_not_lose_the_task() -> None:
    """The result was an error without an id, so the assistant submitted the task again."""
    error = {"error": {"code": "aws_unavailable", "message": "try again"}}
    refused = {"content": [{"type": "text", "text": "try again"}], "structuredContent": error, "isError": True}
    api = FakeApi([shown("IN_QUEUE"), darkroom.Unavailable("refused"), refused, shown("COMPLETED", 1)])

    async def act(client: Client) -> None:
        assert text_of(await client.call_tool("generate_image", {"prompt": "A", "wait_seconds": 30})) == "COMPLETED"

    use(api, act)


def test_a_wait_ends_with_a_task_that_failed() -> None:
    """The result of such a task counted as a poll that failed, so the assistant waited and read IN_QUEUE."""
    api = FakeApi([shown("IN_QUEUE"), shown("FAILED") | {"isError": True}])

    async def act(client: Client) -> None:
        result = await client.call_tool("generate_image", {"prompt": "A", "wait_seconds": 30})
        assert (result.is_error, text_of(result)) == (True, "FAILED")

    use(api, act)
    assert api.results == []


def test_a_wait_without_an_answer_ends_with_the_task_that_waits() -> None:
    api = FakeApi([shown("IN_QUEUE"), *[darkroom.Unavailable("refused")] * 3])

    async def act(client: Client) -> None:
        result = await client.call_tool("generate_image", {"prompt": "A", "wait_seconds": 3})
        assert (result.structured_content or {})["task_id"] == "mcp-1"

    use(api, act)


def test_a_wait_that_is_too_long_is_for_the_server_to_refuse() -> None:
    api = FakeApi([shown("IN_QUEUE")])

    async def act(client: Client) -> None:
        await client.call_tool("get_task", {"task_id": "mcp-1", "wait_seconds": 3000})

    use(api, act)
    assert api.asked == [("tools/call", {"name": "get_task", "arguments": {"task_id": "mcp-1", "wait_seconds": 3000}})]


@pytest.mark.parametrize("as_uri", [True, False])
def test_a_picture_of_this_machine_is_uploaded(tmp_path: Path, *, as_uri: bool) -> None:
    picture = tmp_path / "my cat.png"
    picture.write_bytes(b"\x89PNG")
    api = FakeApi([shown("IN_QUEUE")])

    async def act(client: Client) -> None:
        await client.call_tool("edit_image", {"prompt": "A", "image": picture.as_uri() if as_uri else str(picture)})

    use(api, act)
    assert api.uploaded == [picture]
    assert api.asked[0][1]["arguments"]["image"] == "s3://uploads/1"


@pytest.mark.parametrize(
    "image",
    [
        *("https://example.org/a.png", "darkroom://tasks/a/images/1", "/9j/4AAQSkZJRgABAQ==", "A" * 5000),
        *("iVBORw0KGgo" + "A" * 400, "https://[x", "~nobody-of-this-name/a.png"),
    ],
)
def test_other_pictures_go_to_the_environment_as_they_are(image: str) -> None:
    api = FakeApi([shown("IN_QUEUE")])

    async def act(client: Client) -> None:
        await client.call_tool("edit_image", {"image": image})

    use(api, act)
    assert (api.uploaded, api.asked[0][1]["arguments"]) == ([], {"image": image})


def test_errors_are_results_that_say_what_to_do() -> None:
    api = FakeApi([darkroom.Unavailable("https://a.example does not answer: refused")] * 2)

    async def act(client: Client) -> None:
        missing = await client.call_tool("edit_image", {"prompt": "A", "image": "/none/cat.png"})
        assert missing.is_error
        assert text_of(missing) == "image: /none/cat.png cannot be read: No such file or directory"
        result = await client.call_tool("list_runtimes", {})
        assert (result.is_error, text_of(result)) == (True, "https://a.example does not answer: refused")
        with pytest.raises(MCPError, match="does not answer"):
            await client.list_resources()

    use(api, act)


def test_errors_of_the_protocol_pass_through() -> None:
    api = FakeApi([{"error": {"code": -32602, "message": "there is no tool 'none'"}}])

    async def act(client: Client) -> None:
        with pytest.raises(MCPError, match="there is no tool 'none'") as refused:
            await client.call_tool("none", {})
        assert refused.value.code == -32602

    use(api, act)
