"""Server of one request: the SDK of the Model Context Protocol with our tools and resources behind it."""

from typing import Any, Final

from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
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

from contract.errors import DarkroomError
from lambdas.http.application import described_failure, record_refusal
from lambdas.mcp_api.task_result import RESOURCE_TEMPLATES
from lambdas.mcp_api.tools import TOOLS, AssistantTools, ToolCall

NAME: Final = "darkroom"
#: Version of the HTTP API, whose tasks the tools submit.
VERSION: Final = "v1alpha2"
INSTRUCTIONS: Final = (
    "Makes pictures with Stable Diffusion on a fleet of GPUs. generate_image and edit_image return a task_id at once;"
    " get_task with wait_seconds returns the pictures. A fleet at rest needs minutes to start."
)


def server_for(tools: AssistantTools, call: ToolCall) -> Server[Any]:
    """Return the server of one request; no state outlives it, so any process may answer the next one."""
    tenant = call.caller.tenant

    async def list_tools(_: Any, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=list(TOOLS))

    async def call_tool(_: Any, params: CallToolRequestParams) -> CallToolResult:
        try:
            return tools.call(params.name, params.arguments, call)
        except KeyError:
            known = ", ".join(tool.name for tool in TOOLS)
            raise MCPError(INVALID_PARAMS, f"there is no tool {params.name[:100]!r}; there are {known}") from None
        except Exception as error:  # noqa: BLE001 - an assistant reads every error in the tool's result
            described = _described(error).as_dict()
            text = f"{described['message']} ({described['code']})"
            return CallToolResult(
                content=[TextContent(text=text)], structured_content={"error": described}, is_error=True
            )

    async def list_resources(_: Any, params: PaginatedRequestParams | None) -> ListResourcesResult:
        try:
            resources, cursor = tools.resources(params.cursor if params else None, tenant)
        except Exception as error:  # noqa: BLE001 - as below
            raise _protocol_error(error) from None
        return ListResourcesResult(resources=resources, next_cursor=cursor)

    async def list_templates(_: Any, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=list(RESOURCE_TEMPLATES))

    async def read_resource(_: Any, params: ReadResourceRequestParams) -> ReadResourceResult:
        try:
            return tools.read(params.uri, tenant)
        except Exception as error:  # noqa: BLE001 - the SDK would show the text of any other error
            raise _protocol_error(error) from None

    return Server(
        NAME,
        version=VERSION,
        title="Darkroom",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


def _described(error: Exception) -> DarkroomError:
    """Log an error and return what its sender may know of it."""
    if not isinstance(error, DarkroomError):
        return described_failure(error)
    record_refusal(error)
    return error


def _protocol_error(error: Exception) -> MCPError:
    described = _described(error)
    code = INVALID_PARAMS if described is error else INTERNAL_ERROR
    return MCPError(code, described.message, described.as_dict())
