"""Quotas of an account: the applied value, otherwise AWS's default for accounts that never asked for another."""

from functools import partial

from cli.aws import unless_missing
from cli.doctor.finding import Clients


def quota(service: str, code: str, clients: Clients) -> float | None:
    """Return one quota by its code; None if the region has none."""
    client = clients("service-quotas")
    for read in (client.get_service_quota, client.get_aws_default_service_quota):
        found = unless_missing(partial(read, ServiceCode=service, QuotaCode=code), "NoSuchResourceException")
        if found is not None:
            return float(found["Quota"]["Value"])
    return None


def quotas_by_name(service: str, clients: Clients) -> dict[str, float]:
    """Return all quotas of a service by name."""
    # A young account has no applied value for most of them.
    found: dict[str, float] = {}
    for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
        pages = clients("service-quotas").get_paginator(operation).paginate(ServiceCode=service)
        found |= {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}
    return found
