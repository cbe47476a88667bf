"""MCP server on standard input and output: passes each call to the environment's own server, which defines the tools.

It adds what only this machine can do. It waits longer than one HTTP request and reports progress meanwhile. It uploads
pictures that an assistant names by their path.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    TextContent,
)

import darkroom

PATH: Final = "/mcp"
#: Newest version of the protocol in which a server answers each request alone, without knowing the client.
PROTOCOL_VERSION: Final = "2025-11-25"
#: Seconds between two looks at a task.
POLL_SECONDS: Final = 1.0
#: Longest `wait_seconds`; the environment's server refuses a longer one.
MAX_WAIT_SECONDS: Final = 300
#: Least growth of the progress between two reports, because the protocol asks for growth.
_PROGRESS_STEP: Final = 0.0001
#: Arguments that name pictures.
_PICTURES: Final = ("image", "mask")
#: First characters of each JPEG in base64, which look like a path.
_JPEG_BEGINNING: Final = "/9j/"
#: Characters of the longest path; base64 of a picture is longer.
_MAX_PATH_LENGTH: Final = 4096
_ACTIVE: Final = frozenset({"IN_QUEUE", "IN_PROGRESS"})

#: Reports the share that is done, and what the task does.
Report = Callable[[float, str], Awaitable[None]]


class McpApi(Protocol):
    """HTTP API of the environment, as `darkroom.AsyncClient` calls it."""

    async def call(self, method: str, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Send a document to a path, and return the document of the answer."""

    async def upload(self, picture: Path) -> str:
        """Upload a picture, and return its link."""


class McpBridge:
    """Answers the requests of an assistant.

    Args:
        reads: API for requests that may be repeated after a lost answer.
        submits: API for requests that may not, because each would submit another task.
        sleep: Waits between two looks at a task.
    """

    def __init__(
        self, *, reads: McpApi, submits: McpApi, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._reads = reads
        self._submits = submits
        self._sleep = sleep

    async def serve(self) -> None:
        """Serve on standard input and output until the input ends; raises darkroom.Error if the API does not answer."""
        hello = {"protocolVersion": PROTOCOL_VERSION, "capabilities": {}, "clientInfo": {"name": "cli", "version": ""}}
        known = await self._ask(self._reads, "initialize", hello)
        server = self.server(known["serverInfo"], known.get("instructions"))
        async with stdio_server() as (received, sent):
            await server.run(received, sent, server.create_initialization_options())

    def server(self, info: Mapping[str, Any], instructions: str | None) -> Server[Any]:
        """Return the server, which introduces itself as the environment's own does."""

        async def list_tools(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
            return _with_paths(ListToolsResult.model_validate(await self._listed("tools/list", {})))

        async def call_tool(context: Any, params: CallToolRequestParams) -> CallToolResult:
            async def report(share: float, message: str) -> None:
                await context.session.report_progress(share, 1.0, message)

            return await self.call_tool(params.name, dict(params.arguments or {}), report)

        async def list_resources(_: Any, params: PaginatedRequestParams | None) -> ListResourcesResult:
            cursor = {"cursor": params.cursor} if params and params.cursor else {}
            return ListResourcesResult.model_validate(await self._listed("resources/list", cursor))

        async def list_templates(_: Any, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
            return ListResourceTemplatesResult.model_validate(await self._listed("resources/templates/list", {}))

        async def read_resource(_: Any, params: ReadResourceRequestParams) -> ReadResourceResult:
            return ReadResourceResult.model_validate(await self._listed("resources/read", {"uri": params.uri}))

        return Server(
            info["name"],
            version=info["version"],
            title=info.get("title"),
            instructions=instructions,
            on_list_tools=list_tools,
            on_call_tool=call_tool,
            on_list_resources=list_resources,
            on_list_resource_templates=list_templates,
            on_read_resource=read_resource,
        )

    async def call_tool(self, name: str, arguments: dict[str, Any], report: Report) -> CallToolResult:
        """Call a tool of the environment's server, and wait for its task as long as the arguments say."""
        seconds = arguments.get("wait_seconds")
        if isinstance(seconds, int) and 0 <= seconds <= MAX_WAIT_SECONDS:
            # The polls below wait, so that the assistant sees progress.
            arguments["wait_seconds"] = 0
        else:
            seconds = 0
        try:
            for argument in _PICTURES:
                if path := _path_in(arguments.get(argument)):
                    arguments[argument] = await self._reads.upload(path)
            result = await self._tool_result(self._submits, name, arguments)
            return await self._wait(result, seconds, report)
        except darkroom.Error as error:
            return _failed(str(error))
        except OSError as error:
            return _failed(f"{argument}: {error.filename} cannot be read: {error.strerror}")

    async def _wait(self, result: CallToolResult, seconds: int, report: Report) -> CallToolResult:
        reported = 0.0
        for _ in range(round(seconds / POLL_SECONDS)):
            task = result.structured_content or {}
            if task.get("status") not in _ACTIVE:
                break
            reported = max(float(task.get("progress", 0)), reported + _PROGRESS_STEP)
            place = f", place {task['queue_position']} in the queue" if "queue_position" in task else ""
            await report(reported, f"{task['status']} {task.get('progress', 0):.0%}{place}")
            await self._sleep(POLL_SECONDS)
            try:
                polled = await self._tool_result(self._reads, "get_task", {"task_id": task["task_id"]})
            except darkroom.Error:
                continue
            # A failed task is an error, too. An error without a task is the poll's, and the next poll may be answered.
            result = polled if "status" in (polled.structured_content or {}) else result
        return result

    async def _tool_result(self, api: McpApi, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        return CallToolResult.model_validate(
            await self._ask(api, "tools/call", {"name": name, "arguments": dict(arguments)})
        )

    async def _listed(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return await self._ask(self._reads, method, params)
        except darkroom.Error as error:
            raise MCPError(INTERNAL_ERROR, str(error)) from None

    async def _ask(self, api: McpApi, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return the result of a request; raises MCPError for an error of the protocol."""
        answer = await api.call("POST", PATH, {"jsonrpc": "2.0", "id": 1, "method": method, "params": dict(params)})
        if error := answer.get("error"):
            raise MCPError(error["code"], error["message"], error.get("data"))
        result: dict[str, Any] = answer["result"]
        return result


def _with_paths(listed: ListToolsResult) -> ListToolsResult:
    """Add to the tools that a picture may be a file of this machine."""
    for tool in listed.tools:
        for name in _PICTURES:
            if argument := tool.input_schema.get("properties", {}).get(name):
                argument["description"] += ". Or the path of a picture on this machine, which is uploaded"
    return listed


def _failed(message: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=message)], is_error=True)


def _path_in(value: object) -> Path | None:
    """Return the file that an argument names, None for a link, base64, and everything else."""
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_PATH_LENGTH:
        return None
    try:
        parts = urlsplit(value)
        path = Path(unquote(parts.path) if parts.scheme == "file" else value).expanduser()
        is_path = parts.scheme == "file" or value.startswith(("/", "~", "./", "../"))
        return path if (is_path and not value.startswith(_JPEG_BEGINNING)) or path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        # A name of base64 is too long, a host is broken, or a home folder is unknown.
        return None
