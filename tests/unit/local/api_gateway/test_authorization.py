import json
from typing import Any

import pytest

from local.api_gateway.authorization import read_authorization
from local.api_gateway.gateway_responses import GatewayError
from local.lambda_runtime.runtime_api import InvocationResult

ARN = "arn:aws:execute-api:us-east-1:123456789012:api/stage/GET/v1alpha2/tasks/x"


def statement(effect: str, resource: Any, action: Any = "execute-api:Invoke") -> dict[str, Any]:
    return {"Effect": effect, "Resource": resource, "Action": action}


def answer(*statements: dict[str, Any], **fields: Any) -> InvocationResult:
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    return InvocationResult(json.dumps({"principalId": "me", "policyDocument": policy, **fields}).encode())


@pytest.mark.parametrize(
    "statements",
    [
        [statement("Allow", ARN)],
        [statement("Allow", "arn:aws:execute-api:us-east-1:123456789012:api/stage/*")],
        [statement("Allow", ["arn:none", "arn:aws:execute-api:*:*:api/*/GET/*"], ["execute-api:*"])],
        [statement("Deny", "arn:other"), statement("Allow", "*", "*")],
    ],
)
def test_a_policy_that_allows_the_method(statements: list[dict[str, Any]]) -> None:
    authorization = read_authorization(
        answer(*statements, context={"name": "default", "number": 7, "yes": True}, usageIdentifierKey="key"), ARN
    )
    assert authorization.context == {"principalId": "me", "name": "default", "number": "7", "yes": "true"}
    assert authorization.usage_key == "key"


@pytest.mark.parametrize(
    "statements",
    [
        [],
        [statement("Deny", "*")],
        [statement("Allow", "*"), statement("Deny", ARN)],
        [statement("Allow", "arn:other")],
        [statement("Allow", "*", "lambda:Invoke")],
        [statement("Allow", ARN + "/more")],
    ],
)
def test_a_policy_that_does_not(statements: list[dict[str, Any]]) -> None:
    with pytest.raises(GatewayError) as refused:
        read_authorization(answer(*statements), ARN)
    assert refused.value.response_type == "ACCESS_DENIED"


@pytest.mark.parametrize(
    ("given", "response_type"),
    [
        (
            InvocationResult(b'{"errorMessage": "Unauthorized", "errorType": "Exception"}', is_error=True),
            "UNAUTHORIZED",
        ),
        (InvocationResult(b'{"errorMessage": "out of luck"}', is_error=True), "AUTHORIZER_FAILURE"),
        (InvocationResult(b"null"), "AUTHORIZER_CONFIGURATION_ERROR"),
        (InvocationResult(b'{"principalId": "me"}'), "AUTHORIZER_CONFIGURATION_ERROR"),
        (answer(statement("Allow", "*"), context={"list": []}), "AUTHORIZER_CONFIGURATION_ERROR"),
    ],
)
def test_no_answer_lets_nobody_in(given: InvocationResult, response_type: str) -> None:
    with pytest.raises(GatewayError) as refused:
        read_authorization(given, ARN)
    assert refused.value.response_type == response_type
