"""Application of the functions behind the HTTP API: errors become responses without internal details."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from contract.errors import DarkroomError, InvalidJson
from contract.tenancy import Tenancy, Tenant
from lambdas.http.cross_origin import CrossOriginPolicy
from lambdas.http.responses import PathNotFound, error_response
from lambdas.runtime.aws_errors import AwsUnavailable
from lambdas.runtime.observability import Handler, count, logger, observed


class InternalError(DarkroomError):
    """Raised for a defect of the service; the log has the details."""


@dataclass(frozen=True)
class Caller:
    """Id of a request, the name of its key, and the tenant of the key."""

    request_id: str
    key_name: str | None
    tenant: Tenant


def record_refusal(error: DarkroomError) -> None:
    """Log and count a request that was refused."""
    logger().info("request_refused", error=error.as_dict())
    count("RequestsRefused", code=error.as_dict()["code"])


def described_failure(error: Exception) -> DarkroomError:
    """Log a failure and return what its sender may know of it."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - loaded with the clients already

    logger().exception("request_failed")
    if isinstance(error, BotoCoreError | ClientError):
        return AwsUnavailable("AWS does not answer at the moment; nothing was lost, send the request again")
    return InternalError("the request could not be answered by a mistake of ours; it has been logged")


class HttpApplication(APIGatewayRestResolver):
    """Routes of a function; answers preflights, and lets pages of `origins` read every response.

    `error_response` makes the response of every error.
    """

    def __init__(
        self,
        *,
        origins: Sequence[str],
        tenancy: Tenancy,
        error_response: Callable[[DarkroomError], Response[str]] = error_response,
    ) -> None:
        super().__init__()
        self.policy = CrossOriginPolicy(origins)
        self._tenancy = tenancy
        self.error_response = error_response
        self.not_found(self._refuse_path)
        self.exception_handler(DarkroomError)(self._refuse)
        self.exception_handler(Exception)(self._fail)

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer one event of API Gateway."""
        if event["httpMethod"] == "OPTIONS":
            return self.policy.preflight(event.get("headers"))
        response = super().resolve(event, context)
        headers = {name: [value] for name, value in self.policy.headers(event.get("headers")).items()}
        return response | {"multiValueHeaders": response.get("multiValueHeaders", {}) | headers}

    def caller(self) -> Caller:
        """Return the caller of the present request."""
        context = self.current_event.request_context
        key_name = context.authorizer.principal_id
        return Caller(context.request_id, key_name, self._tenancy.of_key(key_name))

    def body(self) -> str | bytes:
        """Return the present body; raises InvalidJson for a body marked as base64 that is not base64."""
        body = self.current_event.body or ""
        if not self.current_event.is_base64_encoded:
            return body
        try:
            return base64.b64decode(body)
        except ValueError:
            raise InvalidJson("the body is marked as base64 but is not base64") from None

    def _refuse(self, error: DarkroomError) -> Response[str]:
        record_refusal(error)
        return self.error_response(error)

    def _refuse_path(self, _error: NotFoundError) -> Response[str]:
        message = (
            "there is no such path; ids and names have letters, digits, '.', '_' and '-' only,"
            " and GET /docs of the HTTP API shows all paths"
        )
        return self._refuse(PathNotFound(message))

    def _fail(self, error: Exception) -> Response[str]:
        return self.error_response(described_failure(error))


def http_handler(application: Callable[[], Any]) -> Handler:
    """Return the handler of a function that answers requests; the first one composes the `application`."""

    @observed
    def handler(event: dict[str, Any], context: Any) -> Any:
        return application().resolve(event, context)

    return handler
