"""Called with every request to the HTTP API, before anything else."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from lambdas.authorize.authorizing import Authorizer, SecretsUnreadable
from lambdas.authorize.settings import AuthorizeSettings
from lambdas.observability import observed

#: Seconds for which a process keeps the keys: a rotated key works, and the old one stops, within this time.
KEY_MAX_AGE_SECONDS: Final = 300


@cache
def authorizer() -> Authorizer:
    """Compose the authorizer of this process."""
    # It brings boto3 along; see lambdas.clients.
    from aws_lambda_powertools.utilities.parameters import GetParameterError, get_secret  # noqa: PLC0415 - see above

    arns = AuthorizeSettings.from_environment(os.environ).api_key_secret_arns

    def read_secrets() -> Mapping[str, str]:
        try:
            return {name: str(get_secret(arn, max_age=KEY_MAX_AGE_SECONDS)) for name, arn in arns.items()}
        except GetParameterError as error:
            raise SecretsUnreadable from error

    return Authorizer(read_secrets=read_secrets)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ARG001 - Lambda passes its context
    """Return a policy, or raise what API Gateway answers with 401."""
    return authorizer().authorize(event)
