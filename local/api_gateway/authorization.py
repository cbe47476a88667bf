"""Authorization of a request by the answer of an authorizer function, as API Gateway reads it."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from local.api_gateway.gateway_responses import GatewayError
from local.lambda_runtime.runtime_api import InvocationResult

#: The one error of an authorizer function that API Gateway passes on as 401 instead of 500.
_UNAUTHORIZED: Final = "Unauthorized"


@dataclass(frozen=True)
class Authorization:
    """Who calls: what the function behind the method finds in its event, and the key whose usage plan counts."""

    context: dict[str, Any]
    usage_key: str | None


def read_authorization(answer: InvocationResult, method_arn: str) -> Authorization:
    """Return the caller, or raise GatewayError if the authorizer failed, or its policy does not allow the method."""
    value = json.loads(answer.payload)
    if answer.is_error:
        unauthorized = isinstance(value, dict) and value.get("errorMessage") == _UNAUTHORIZED
        raise GatewayError("UNAUTHORIZED" if unauthorized else "AUTHORIZER_FAILURE")
    match value:
        case {"principalId": str(principal), "policyDocument": {"Statement": list(statements)}}:
            if not _allows(statements, method_arn):
                raise GatewayError("ACCESS_DENIED")
        case _:
            raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR")
    context = value.get("context") or {}
    if not all(isinstance(item, str | int | float | bool) for item in context.values()):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR")
    # API Gateway hands every value on as text.
    texts = {name: json.dumps(item) if not isinstance(item, str) else item for name, item in context.items()}
    return Authorization({"principalId": principal, **texts}, value.get("usageIdentifierKey"))


def _allows(statements: list[Any], method_arn: str) -> bool:
    effects = {
        statement["Effect"]
        for statement in statements
        if any(_matches(pattern, method_arn) for pattern in _list(statement.get("Resource")))
        and any(_matches(pattern, "execute-api:Invoke") for pattern in _list(statement.get("Action")))
    }
    return effects == {"Allow"}


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


def _matches(pattern: str, text: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.IGNORECASE | re.DOTALL) is not None
