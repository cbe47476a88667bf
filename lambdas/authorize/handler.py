"""Called with every request to the HTTP API, before anything else."""

import os
from functools import cache
from typing import Any

from lambdas.authorize.authorizing import Authorizer
from lambdas.authorize.composition import compose_authorizer
from lambdas.authorize.settings import AuthorizeSettings
from lambdas.observability import observed


@cache
def authorizer() -> Authorizer:
    """Compose the authorizer of this process."""
    return compose_authorizer(AuthorizeSettings.from_environment(os.environ).api_key_secret_arns)


@observed
def handler(event: dict[str, Any], context: Any) -> Any:  # noqa: ARG001 - Lambda passes its context
    """Return a policy, or raise what API Gateway answers with 401."""
    return authorizer().authorize(event)
