"""Clients for the AWS services of the local system, all emulated by one moto server."""

from typing import Any, Final

import boto3
from botocore.config import Config

#: The moto server accepts any credentials.
ACCESS_KEY_ID: Final = "local"
SECRET_ACCESS_KEY: Final = "local"  # noqa: S105 - no secret: the moto server accepts any

#: A server on this machine answers at once or is gone, so a failed call is not worth more than one repetition.
_CONFIG: Final = Config(
    retries={"mode": "standard", "total_max_attempts": 2},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=20,
    s3={"addressing_style": "path"},
    proxies={},
)


class LocalAwsClients:
    """boto3 clients for one moto server; each is made when it is first asked for, and safe to share by threads."""

    def __init__(self, *, endpoint_url: str, region: str) -> None:
        self.endpoint_url = endpoint_url
        self.region = region
        self._session = boto3.Session(
            aws_access_key_id=ACCESS_KEY_ID, aws_secret_access_key=SECRET_ACCESS_KEY, region_name=region
        )
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """Return the client of `service`."""
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service,  # type: ignore[call-overload]  # the stubs know literal names only
                endpoint_url=self.endpoint_url,
                config=_CONFIG,
            )
        return self._clients[service]

    def environment(self) -> dict[str, str]:
        """Return the variables that lead any AWS client of another process here."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_REGION": self.region,
        }
