"""API Gateway's own answers get the same error body that the functions give."""

import json

from aws_cdk import aws_apigateway

from stacks.gateway_errors import ANSWERS


def add_gateway_answers(api: aws_apigateway.RestApi) -> None:
    """Replace API Gateway's answers by ours."""
    for name, answer in ANSWERS.items():
        retry_after = answer.retry_after_seconds
        # The two defaults stand for many errors and keep the status of each.
        status = None if name.startswith("DEFAULT_") else str(answer.status)
        api.add_gateway_response(
            name.title().replace("_", ""),
            type=aws_apigateway.ResponseType.of(name),
            status_code=status,
            response_headers={"Retry-After": f"'{retry_after}'"} if retry_after else None,
            templates={"application/json": json.dumps({"error": {"code": answer.code, "message": answer.message}})},
        )
