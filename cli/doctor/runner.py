"""Runner of all checks, in their order. A failed check hides no other."""

from collections.abc import Iterator
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from cli.doctor.account import (
    check_bootstrap,
    check_credentials,
    check_functions,
    check_people,
    check_secrets,
    check_service_roles,
)
from cli.doctor.capacity import check_offerings, check_quotas
from cli.doctor.deployed import check_nodes, check_queues, check_replicas, check_subscriptions
from cli.doctor.finding import Clients, DoctorCheck, Finding, unknown
from cli.doctor.images_and_models import check_build, check_images, check_models
from cli.doctor.network import check_network
from cli.doctor.stacks import check_stacks
from cli.doctor.tenants import check_tenants
from stacks.config import Environment

#: The first check, because the others need the credentials.
CREDENTIALS: Final = DoctorCheck("credentials", check_credentials)
#: Checks of the state before a deployment, then of the state after it.
CHECKS: Final = (
    DoctorCheck("bootstrap", check_bootstrap),
    DoctorCheck("people", check_people, is_offline=True),
    DoctorCheck("service roles", check_service_roles),
    DoctorCheck("network", check_network),
    DoctorCheck("GPU quotas", check_quotas),
    DoctorCheck("instance types", check_offerings),
    DoctorCheck("functions", check_functions),
    DoctorCheck("build", check_build, is_offline=True),
    DoctorCheck("images", check_images),
    DoctorCheck("secrets", check_secrets),
    DoctorCheck("models", check_models),
    DoctorCheck("tenants", check_tenants),
    DoctorCheck("stacks", check_stacks),
    DoctorCheck("queues", check_queues),
    DoctorCheck("replicas", check_replicas),
    DoctorCheck("nodes", check_nodes),
    DoctorCheck("subscriptions", check_subscriptions),
)


def examine(check: DoctorCheck, environment: Environment, clients: Clients) -> Iterator[Finding]:
    """Yield the findings of a check; an AWS error becomes one of level UNKNOWN with AWS's message."""
    try:
        yield from check.run(environment, clients)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        advice = "use credentials that may read it" if "Denied" in code or "Unauthorized" in code else ""
        yield unknown(f"cannot be checked: {error}", advice)
