"""What the functions behind the HTTP API have in common: errors become answers, and none of ours leaves a trace."""

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from contract.errors import DarkroomError
from lambdas.aws_errors import AwsUnavailable
from lambdas.http_answers import error_answer
from lambdas.observability import count, logger


class InternalError(DarkroomError):
    """Raised for a mistake of ours; what it was is in the log."""


def http_application() -> APIGatewayRestResolver:
    """Return an application without routes that answers every error in the documented form."""
    application = APIGatewayRestResolver()

    def refuse(error: DarkroomError) -> Response[Any]:
        logger().info("request_refused", error=error.as_dict())
        count("RequestsRefused", code=error.as_dict()["code"])
        return error_answer(error)

    def fail(error: Exception) -> Response[Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded with the clients already

        logger().exception("request_failed")
        if isinstance(error, BotoCoreError | ClientError):
            message = "AWS does not answer at the moment; nothing was lost, send the request again"
            return error_answer(AwsUnavailable(message))
        return error_answer(InternalError("the request could not be answered by a mistake of ours; it has been logged"))

    application.exception_handler(DarkroomError)(refuse)
    application.exception_handler(Exception)(fail)
    return application
