"""Handler of /mcp: the transport of the Model Context Protocol over API Gateway and at the function's own URL."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.mcp_api import handler as mcp_api
from tests.unit.lambdas.harness import Harness, client

EVENTS = Path(__file__).parent / "events"
CONTEXT = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn",
    aws_request_id="r",
    function_version="1",
    get_remaining_time_in_millis=lambda: 45_000,
)
HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
VERSION = {"mcp-protocol-version": "2025-11-25"}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


@pytest.fixture(autouse=True)
def deployed(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    secret = client("secretsmanager").create_secret(Name="key", SecretString="the-key")
    for variable, value in {
        "TASK_TABLE": "tasks",
        "TASK_BUCKET": "task-bucket",
        "MODEL_BUCKET": "model-bucket",
        "OUTPUT_BUCKET": "output-bucket",
        "TASK_TOPIC_ARN": client("sns").create_topic(Name="tasks")["TopicArn"],
        "RUNTIMES": harness.catalogue.to_json(),
        "RETENTION_SECONDS": "3600",
        "TENANCY": "{}",
        "CORS_ORIGINS": '["https://app.shop.example"]',
        "API_KEY_SECRET_ARNS": json.dumps({"shop": secret["ARN"]}),
    }.items():
        monkeypatch.setenv(variable, value)
    yield harness
    mcp_api.function.cache_clear()


def send(body: str, method: str = "POST", headers: Mapping[str, str] = {}) -> tuple[int, Any]:
    event = json.loads((EVENTS / "api_gateway_post.json").read_text())
    sent = HEADERS | dict(headers)
    changes = {
        "httpMethod": method,
        "path": "/mcp",
        "body": body,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
    }
    answer = mcp_api.handler(event | changes, CONTEXT)
    return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else answer["multiValueHeaders"]


def ask(method: str, params: dict[str, Any] | None = None, headers: Mapping[str, str] = {}) -> tuple[int, Any]:
    return send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}), headers=headers)


def test_a_client_of_the_older_versions_shakes_hands_and_calls_a_tool() -> None:
    status, answer = ask("initialize", HELLO)
    assert (status, answer["result"]["protocolVersion"]) == (200, "2025-11-25")
    assert answer["result"]["capabilities"].keys() == {"tools", "resources"}
    status, answer = ask("tools/call", {"name": "list_runtimes"}, VERSION)
    assert (status, answer["result"]["structuredContent"]["runtimes"][0]["runtime"]) == (200, "sdruntime")


def test_a_client_of_the_newest_version_needs_no_handshake() -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}
    status, answer = ask("tools/list", {"_meta": meta}, headers)
    assert (status, len(answer["result"]["tools"])) == (200, 7)


def test_a_notification_is_accepted_without_an_answer() -> None:
    status, headers = send('{"jsonrpc": "2.0", "method": "notifications/initialized"}')
    assert (status, "mcp-session-id" in headers) == (202, False)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_is_no_stream_to_listen_on_and_no_session_to_end(method: str) -> None:
    status, headers = send("", method)
    assert (status, headers["Allow"]) == (405, ["POST"])


def test_only_pages_of_the_named_origins_may_call() -> None:
    assert ask("ping", headers={"Origin": "https://app.shop.example"})[0] == 200
    status, refused = ask("ping", headers={"Origin": "https://evil.example"})
    assert (status, refused["error"]["code"]) == (403, "origin_refused")
    assert "`cors`" in refused["error"]["message"]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("{", {}, 400),
        ("[]", {}, 400),
        ('{"jsonrpc": "2.0", "id": 1, "method": "ping"}', {"mcp-protocol-version": "1999-01-01"}, 400),
        ('{"jsonrpc": "2.0", "id": 1, "method": "ping"}', {"accept": "text/html"}, 406),
        ('{"jsonrpc": "2.0", "id": 1, "method": "none"}', {}, 200),
        ('{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "none"}}', {}, 200),
        ('{"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "none"}}', {}, 200),
        ('{"jsonrpc": "2.0", "id": 1, "method": "resources/list", "params": {"cursor": "none"}}', {}, 200),
    ],
)
def test_broken_requests_get_the_errors_of_the_protocol(body: str, headers: dict[str, str], status: int) -> None:
    answered, answer = send(body, headers=headers)
    assert answered == status
    assert answer["error"]["code"] < 0
    assert answer["error"]["message"]


def test_a_request_of_another_type_is_told_which_headers_to_send() -> None:
    status, refused = ask("ping", headers={"content-type": "text/plain"})
    assert (status, refused["error"]["code"]) == (400, "invalid_headers")
    assert "`Content-Type: application/json`" in refused["error"]["message"]


def test_an_error_of_a_tool_is_a_result_with_every_field(deployed: Harness) -> None:
    _, answer = ask("tools/call", {"name": "generate_image", "arguments": {"prompt": "A dog", "width": 1, "steps": 0}})
    result = answer["result"]
    assert result["isError"] is True
    assert result["content"][0]["text"].endswith("(invalid_task)")
    assert [each["field"] for each in result["structuredContent"]["error"]["details"]] == ["width", "steps"]


def test_a_key_at_its_limit_of_active_tasks_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTIVE_TASKS_PER_KEY", "1")
    call = {"name": "generate_image", "arguments": {"prompt": "A dog"}}
    first, second = (ask("tools/call", call)[1]["result"] for _ in range(2))
    assert first["structuredContent"]["status"] == "IN_QUEUE"
    assert (second["isError"], second["structuredContent"]["error"]["code"]) == (True, "too_many_active_tasks")


def test_a_failure_of_aws_shows_nothing_of_its_inside(deployed: Harness) -> None:
    deployed.dynamodb.delete_table(TableName="tasks")
    _, answer = ask("tools/call", {"name": "get_task", "arguments": {"task_id": "a"}})
    error = answer["result"]["structuredContent"]["error"]
    assert error["code"] == "unavailable"
    _, answer = ask("resources/read", {"uri": "darkroom://tasks/a/images/1"})
    assert "AWS does not answer" in answer["error"]["message"]


def test_the_function_url_checks_the_key() -> None:
    event = json.loads((EVENTS / "function_url_post.json").read_text())
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    answers = [
        mcp_api.handler(event | {"rawPath": "/mcp", "body": body, "headers": HEADERS | {"x-api-key": key}}, CONTEXT)
        for key in ("the-key", "wrong")
    ]
    assert [answer["statusCode"] for answer in answers] == [200, 401]
