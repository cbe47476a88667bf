"""Saved log queries of an environment, and the lines that they read."""

import re
from typing import Any

import pytest

from stacks.constructs.monitoring.saved_queries import QUERIES
from tests.infrastructure.conftest import TemplatesOf


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
