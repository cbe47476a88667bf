import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.api_gateway.rest_api import Method
from local.api_gateway.routes import Routes


def method(http_method: str, path: str) -> Method:
    return Method(http_method, f"{http_method} {path}", path, "arn:f", 29, None, needs_key=False)


ROUTES = Routes(
    method(*route.split(" "))
    for route in (
        "ANY /v2/{proxy+}",
        "GET /tasks/{id}",
        "GET /tasks/all",
        "ANY /tasks/{id}",
        "GET /tasks",
        "POST /v2/{runtime}/run",
        "GET /",
    )
)


@pytest.mark.parametrize(
    ("http_method", "path", "resource_id", "parameters"),
    [
        ("GET", "/", "GET /", {}),
        ("GET", "/tasks", "GET /tasks", {}),
        ("GET", "/tasks/", "GET /tasks", {}),
        ("GET", "/tasks/all", "GET /tasks/all", {}),
        ("GET", "/tasks/a%2Fb%20c", "GET /tasks/{id}", {"id": "a/b c"}),
        ("DELETE", "/tasks/x", "ANY /tasks/{id}", {"id": "x"}),
        ("POST", "/v2/sdxl/run", "POST /v2/{runtime}/run", {"runtime": "sdxl"}),
        ("GET", "/v2/sdxl/status/7", "ANY /v2/{proxy+}", {"proxy": "sdxl/status/7"}),
    ],
)
def test_the_most_exact_route_wins(http_method: str, path: str, resource_id: str, parameters: dict[str, str]) -> None:
    match = ROUTES.find(http_method, path)
    assert match is not None
    assert match.method.resource_id == resource_id
    assert match.path_parameters == parameters


@pytest.mark.parametrize("route", ["POST /tasks", "GET /task", "GET /tasks/a/b", "GET /v2", "GET //tasks"])
def test_nothing_else_matches(route: str) -> None:
    assert ROUTES.find(*route.split(" ")) is None


@given(st.text())
def test_every_path_leads_to_a_method_of_its_verb_or_to_none(path: str) -> None:
    match = ROUTES.find("GET", path)
    assert match is None or match.method.http_method in {"GET", "ANY"}
