"""Official inspector of the Model Context Protocol against both of our servers, with the settings of an assistant."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.harness.documented_code import PROJECT
from tests.harness.local_system import System

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system"), pytest.mark.timeout(600)]

PROGRAMS: Final = Path(sys.executable).parent
INSPECTOR: Final = PROJECT / "node_modules" / ".bin" / "mcp-inspector"
#: Arguments of a picture that a test can wait for.
SMALL: Final = {"prompt": "A dog", "width": 64, "height": 64, "steps": 2}
ACTIVE: Final = {"IN_QUEUE", "IN_PROGRESS"}
#: Sends one method to a server by the inspector, and returns the result.
Inspect = Callable[..., dict[str, Any]]


@pytest.fixture(params=["http", "command"])
def inspect(request: pytest.FixtureRequest, system: System, tmp_path: Path) -> Inspect:
    url = f"{system.endpoints['http_url'].rstrip('/')}/mcp"
    arguments = ["--state-dir", str(system.state_directory), "mcp"]
    servers = {
        "http": {"type": "streamable-http", "url": url, "headers": {"x-api-key": system.endpoints["api_key"]}},
        "command": {"command": str(PROGRAMS / "darkroom"), "args": arguments},
    }
    settings = tmp_path / "mcp.json"
    settings.write_text(json.dumps({"mcpServers": servers}))

    def inspect(method: str, *options: str) -> dict[str, Any]:
        command = [PROGRAMS / "node", INSPECTOR, "--cli", "--config", settings, "--server", request.param]
        ended = subprocess.run(
            [*command, "--format", "json", "--method", method, *options],
            env={
                "HOME": str(tmp_path),
                "PATH": f"{PROGRAMS}:/usr/bin:/bin",
                # The inspector would ask for the keychain of its user.
                "MCP_INSPECTOR_SECRET_STORE": "memory",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        # With `--strict` the inspector names what some assistants refuse in a schema, and fails for errors only.
        assert (ended.returncode, "Warning: tool" in ended.stderr) == (0, False), ended.stdout + ended.stderr
        result: dict[str, Any] = json.loads(ended.stdout)["result"]
        return result

    return inspect


def called(inspect: Inspect, tool: str, **arguments: object) -> dict[str, Any]:
    result = inspect("tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(arguments))
    assert not result.get("isError"), result
    return result


def test_the_inspector_finds_no_fault_in_the_tools_and_uses_them(inspect: Inspect) -> None:
    tools = inspect("tools/list", "--strict")["tools"]
    assert {"generate_image", "get_task", "list_models"} < {tool["name"] for tool in tools}

    made = called(inspect, "generate_image", **SMALL)
    while made["structuredContent"]["status"] in ACTIVE:
        made = called(inspect, "get_task", task_id=made["structuredContent"]["task_id"], wait_seconds=20)
    assert made["structuredContent"]["status"] == "COMPLETED"
    assert [block["mimeType"] for block in made["content"] if block["type"] == "image"] == ["image/png"]

    uri = made["structuredContent"]["images"][0]["resource"]
    assert uri in {resource["uri"] for resource in inspect("resources/list")["resources"]}
    (template,) = inspect("resources/templates/list")["resourceTemplates"]
    assert template["uriTemplate"] == "darkroom://tasks/{task_id}/images/{number}"
    (read,) = inspect("resources/read", "--uri", uri)["contents"]
    assert (read["uri"], read["mimeType"]) == (uri, "image/png")
