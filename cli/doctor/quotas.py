"""Quotas of an account: the applied value, otherwise AWS's default for accounts that never asked for another."""

from typing import Final

from botocore.exceptions import ClientError

from cli.doctor.finding import Clients

_MISSING: Final = "NoSuchResourceException"


def quota(service: str, code: str, clients: Clients) -> float | None:
    """Return one quota by its code; None if the region has none."""
    client = clients("service-quotas")
    for read in (client.get_service_quota, client.get_aws_default_service_quota):
        try:
            return float(read(ServiceCode=service, QuotaCode=code)["Quota"]["Value"])
        except ClientError as error:
            if error.response["Error"]["Code"] != _MISSING:
                raise
    return None


def quotas_by_name(service: str, clients: Clients) -> dict[str, float]:
    """Return all quotas of a service by name."""
    # A young account has no applied value for most of them.
    found: dict[str, float] = {}
    for operation in ("list_aws_default_service_quotas", "list_service_quotas"):
        pages = clients("service-quotas").get_paginator(operation).paginate(ServiceCode=service)
        found |= {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}
    return found
