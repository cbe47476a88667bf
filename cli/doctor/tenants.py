"""Check of the owners of tasks: what a deployment of the environment file changes for the tasks of before."""

import json
from collections.abc import Iterator
from typing import Final

from cli.doctor.finding import Clients, Finding, ok, warning
from cli.doctor.stacks import outputs_of
from contract.tenancy import SEPARATOR, SHARED
from stacks.config import Environment

_ADVICE: Final = "deploy when they have ended and their results have been read; docs/how-to/keys.md"


def check_tenants(environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Check that the tasks of every deployed key and publisher keep their owner."""
    outputs = outputs_of(environment, clients)
    if "WebhookSecretArn" not in outputs:
        return
    # Each tenant has a secret. The output names them if there are several; a single tenant has no name.
    deployed = tuple(json.loads(outputs.get("WebhookSecretArns", "{}"))) or (SHARED.name,)
    planned = environment.tenancy.names or (SHARED.name,)
    lost = [name for name in deployed if name not in planned]
    for name in lost:
        yield warning(f"{_after_deployment(name, planned)}, and webhooks of those that run fail", _ADVICE)
    if deployed[0] != planned[0] and SHARED.name not in {deployed[0], planned[0]}:
        yield warning(
            f"the tasks of the entry topic belong to {deployed[0]}, and from the next deployment on to {planned[0]}",
            "write the key that owns them first in apiKeys",
        )
    elif not lost:
        yield ok("the tasks of every key keep their owner")


def _after_deployment(name: str, planned: tuple[str, ...]) -> str:
    if name == SHARED.name:
        return "the tasks of before have no owner, so no key finds them after the next deployment"
    reader = "" if planned == (SHARED.name,) else ", with an admin key"
    return f"after the next deployment the tasks of {name} are found as {name}{SEPARATOR}ID only{reader}"
