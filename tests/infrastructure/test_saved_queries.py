"""Saved log queries of an environment, and the lines that they read."""

import re
from typing import Any

import pytest
from awslambdaric.bootstrap import StandardLogSink, log_error

from stacks.constructs.monitoring.saved_queries import QUERIES
from tests.infrastructure.conftest import TemplatesOf
from tests.infrastructure.templates import Templates


def fields_of(value: Any, name: str = "") -> set[str]:
    """The fields that Logs Insights discovers: parts of an object and elements of a list follow a period."""
    match value:
        case dict():
            parts = value.items()
        case list():
            parts = {str(number): part for number, part in enumerate(value)}.items()
        case _:
            return {name}
    return {field for part, inner in parts for field in fields_of(inner, f"{name}.{part}".lstrip("."))}


@pytest.mark.parametrize("query", ["Slowest tasks", "Where the time goes"])
def test_a_query_reads_the_numbers_that_agents_write(query: str, lines_of_agents: list[dict[str, Any]]) -> None:
    read = set(re.findall(r"\b[A-Z][a-z]\w*Seconds[.\d]*", QUERIES[query]))
    assert len(read) >= 3
    assert read <= set().union(*map(fields_of, lines_of_agents))


def is_found(line: str) -> bool:
    """Return True if the query of errors finds a line of text."""
    found, left_out = re.findall(r"/(\S.*)/$", QUERIES["Errors"], re.MULTILINE)
    return bool(re.search(found, line)) and not re.search(left_out, line)


@pytest.mark.parametrize(
    ("kind", "found"), [("KeyError", True), ("Runtime.ImportModuleError", True), ("Unauthorized", False)]
)
def test_the_errors_include_the_end_of_a_function(kind: str, found: bool, capsys: pytest.CaptureFixture[str]) -> None:
    log_error({"errorType": kind, "errorMessage": "'tasks'", "stackTrace": []}, StandardLogSink())
    assert is_found(capsys.readouterr().out) == found


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-30T03:00:00.000Z 8f5c Task timed out after 40.00 seconds",
        "RequestId: 8f5c Error: Runtime exited with error: signal: killed",
    ],
)
def test_the_errors_include_a_function_that_lambda_ends(line: str) -> None:
    assert is_found(line)


def test_functions_log_as_the_query_of_errors_reads(templates: Templates) -> None:
    assert templates.functions
    assert all(set(function.properties["LoggingConfig"]) == {"LogGroup"} for function in templates.functions)


@pytest.mark.parametrize(
    ("environment", "replicas"),
    [
        ("everything", {"LogsRuntimeLogs"}),
        ("ecs", {"RuntimeSdruntimeLogs", "RuntimeDynamicLogs"}),
        pytest.param("dev", set(), marks=pytest.mark.slow),
    ],
)
def test_saved_queries_look_into_the_logs_of_functions_and_replicas_and_no_others(
    templates_of: TemplatesOf, environment: str, replicas: set[str]
) -> None:
    templates = templates_of(environment)
    queries = templates.resources("AWS::Logs::QueryDefinition")
    names = {query.properties["Name"].removeprefix(f"Darkroom/{environment}/") for query in queries}
    assert {"Journey of a task", "Why tasks fail"} <= names
    functions = {f"{function.name}Logs" for function in templates.functions}
    for query in queries:
        assert {templates.flat(name) for name in query.properties["LogGroupNames"]} == functions | replicas
