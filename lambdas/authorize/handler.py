"""Handler of the authorizer: API Gateway calls it first, for every request to the HTTP API."""

import os
from functools import cache
from typing import Any

from pydantic import Json

from contract.settings import Settings
from lambdas.authorize.authorizer import Authorizer, compose_authorizer
from lambdas.runtime.observability import observed


class AuthorizeSettings(Settings):
    """Secrets of the keys, and the header of the requests that holds a key."""

    #: Only header in which callers send their key; without it, either header.
    api_key_header: str | None = None
    #: Secret of each key by the key's name.
    api_key_secret_arns: Json[dict[str, str]]


@cache
def authorizer() -> Authorizer:
    """Compose the authorizer of this process."""
    settings = AuthorizeSettings.from_environment(os.environ)
    return compose_authorizer(settings.api_key_secret_arns, only_header=settings.api_key_header)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ARG001 - Lambda passes its context
    """Return a policy; raises Unauthorized, which API Gateway answers with 401."""
    return authorizer().authorize(event)
