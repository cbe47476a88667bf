import json
from typing import Any

import pytest

from local.api_gateway.gateway_responses import GatewayError, GatewayResponses
from local.cloudformation.errors import TemplateError
from local.cloudformation.stack import Created, Resource
from local.provisioning.provisioner import EmulatedResource


def response(response_type: str, **properties: Any) -> EmulatedResource:
    properties = {"ResponseType": response_type, "RestApiId": "api", **properties}
    return EmulatedResource(
        Resource("One", response_type, "AWS::ApiGateway::GatewayResponse", properties), Created("id")
    )


def render(response_type: str, *customized: EmulatedResource) -> tuple[int, dict[str, str], Any]:
    rendered = GatewayResponses.from_template(customized).render(GatewayError(response_type), request_id="r-1")
    headers = {name: value for name, value in rendered.headers.items() if name != "content-length"}
    return rendered.status_code, headers, json.loads(bytes(rendered.body))


@pytest.mark.parametrize(
    ("response_type", "status", "message"),
    [
        ("MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token"),
        ("UNAUTHORIZED", 401, "Unauthorized"),
        ("THROTTLED", 429, "Too Many Requests"),
        ("DEFAULT_5XX", 502, "Internal server error"),
    ],
)
def test_api_gateways_own_answers(response_type: str, status: int, message: str) -> None:
    assert render(response_type) == (status, {"content-type": "application/json"}, {"message": message})


def test_a_customized_answer() -> None:
    throttled = response(
        "THROTTLED",
        StatusCode="430",
        ResponseParameters={"gatewayresponse.header.Retry-After": "'1'"},
        ResponseTemplates={
            "application/json": '{"m": $context.error.messageString, "n": "$context.error.message",'
            ' "id": "$context.requestId"}'
        },
    )
    assert render("THROTTLED", throttled) == (
        430,
        {"content-type": "application/json", "retry-after": "1"},
        {"m": "Too Many Requests", "n": "Too Many Requests", "id": "r-1"},
    )


def test_the_familys_answer_keeps_the_status() -> None:
    family = response("DEFAULT_4XX", ResponseTemplates={"application/json": '{"t": "$context.error.responseType"}'})
    assert render("UNAUTHORIZED", family)[0::2] == (401, {"t": "UNAUTHORIZED"})
    assert render("INTEGRATION_TIMEOUT", family)[0::2] == (504, {"message": "Endpoint request timed out"})


@pytest.mark.parametrize(
    "properties",
    [
        {"ResponseTemplates": {"application/json": "$input.body"}},
        {"ResponseParameters": {"gatewayresponse.header.X": "method.request.header.X"}},
        {"ResponseParameters": {"gatewayresponse.path.X": "'x'"}},
        {"Unknown": 1},
    ],
)
def test_what_cannot_be_rendered_is_refused(properties: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match="One/THROTTLED"):
        GatewayResponses.from_template([response("THROTTLED", **properties)])
