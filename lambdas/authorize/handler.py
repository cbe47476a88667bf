"""Handler of the authorizer: API Gateway calls it first, for every request to the HTTP API."""

import os
from functools import cache
from typing import Any

from pydantic import Json

from contract.settings import Settings
from lambdas.authorize.authorizer import Authorizer, compose_authorizer
from lambdas.runtime.observability import observed


class AuthorizeSettings(Settings):
    """Secrets of the keys."""

    #: Secret of each key by the key's name.
    api_key_secret_arns: Json[dict[str, str]]


@cache
def authorizer() -> Authorizer:
    """Compose the authorizer of this process."""
    return compose_authorizer(AuthorizeSettings.from_environment(os.environ).api_key_secret_arns)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ARG001 - Lambda passes its context
    """Return a policy; raises Unauthorized, which API Gateway answers with 401."""
    return authorizer().authorize(event)
