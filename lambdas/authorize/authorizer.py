"""Authorizer of the HTTP API: compares the key in a request's headers with every configured key."""

import base64
import hmac
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from lambdas.runtime.clients import client
from lambdas.runtime.observability import logger


class Unauthorized(Exception):
    """Raised for a missing or wrong key. API Gateway recognizes this refusal by its text alone, and answers 401."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class SecretsUnreadable(Exception):
    """Raised while Secrets Manager does not return the keys."""


def key_in(headers: Mapping[str, str] | None, only: str | None = None) -> str:
    """Return the key of `x-api-key: KEY`, `Authorization: Bearer KEY` or `Authorization: KEY`; empty if none.

    Programs made for an SD Web UI can send only `Authorization: Basic …`. Its password is the key. Where the
    environment names the `only` header, the other one is ignored.
    """
    values = {name.lower(): value for name, value in (headers or {}).items() if only in {None, name.lower()}}
    if values.get("x-api-key"):
        return values["x-api-key"].strip()
    authorization = values.get("authorization", "").strip()
    scheme, _, credentials = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip()
        case "basic":
            return _password_in(credentials)
    return authorization


def _password_in(credentials: str) -> str:
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True).decode()
    except ValueError:
        return ""
    return decoded.partition(":")[2]


#: Seconds for which a process keeps the keys. Within this time a rotated key works, and the old key stops.
KEY_MAX_AGE_SECONDS: Final = 300
#: Seconds after a failed read for which a kept secret is not read again. Each read may wait for its timeout.
RETRY_SECONDS: Final = 30
#: Seconds of one request after which no further secret is read, so the function answers before it is cut off.
READING_SECONDS: Final = 14
#: Seconds for which a secret stays valid that cannot be read any more. An outage of Secrets Manager is shorter, and a
#: revoked key ends within this time even if the outage is not.
UNREADABLE_MAX_AGE_SECONDS: Final = 3600


class Authorizer:
    """Admits requests with a valid key; `only_header` is the one that may hold it, None for both.

    `read_secret` returns the secret of a key by its name, or raises SecretsUnreadable. `now` is a monotonic clock.
    """

    def __init__(
        self,
        *,
        names: Iterable[str],
        read_secret: Callable[[str], str],
        only_header: str | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names = tuple(names)
        self._read_secret = read_secret
        self._only_header = only_header
        self._now = now
        #: Secret of each key by its name, and when it was read.
        self._secrets: dict[str, tuple[str, float]] = {}
        #: When the secret of each key must be read again.
        self._next_read_at: dict[str, float] = {}

    def authorize(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the policy for a REQUEST authorizer's event; raises Unauthorized."""
        key = key_in(event.get("headers"), self._only_header)
        name = self.name_of(key)
        return {
            "principalId": name,
            # The usage plan counts and throttles by this key.
            "usageIdentifierKey": key,
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "execute-api:Invoke",
                        # The whole stage of arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH
                        "Resource": "/".join((*str(event["methodArn"]).split("/")[:2], "*")),
                    }
                ],
            },
        }

    def name_of(self, key: str) -> str:
        """Return the name of a key; raises Unauthorized, or SecretsUnreadable if the key may be an unreadable one.

        A secret that cannot be read is kept for a while, and so is one whose read would take too long. One that was
        never read counts as unreadable then.
        """
        if not key:
            raise Unauthorized
        deadline = self._now() + READING_SECONDS
        for name in self._names:
            is_due = name not in self._secrets or self._next_read_at[name] <= self._now()
            if is_due and self._now() < deadline:
                self._read(name)
        oldest = self._now() - UNREADABLE_MAX_AGE_SECONDS
        valid = {name: secret for name, (secret, read_at) in self._secrets.items() if read_at >= oldest}
        # Every secret is compared in constant time, so the duration reveals nothing about them.
        names = [name for name, secret in valid.items() if hmac.compare_digest(secret.encode(), key.encode())]
        if names:
            return names[0]
        raise Unauthorized if len(valid) == len(self._names) else SecretsUnreadable

    def _read(self, name: str) -> None:
        pause = RETRY_SECONDS
        try:
            self._secrets[name] = self._read_secret(name), self._now()
            pause = KEY_MAX_AGE_SECONDS
        except SecretsUnreadable:
            logger().warning("secret_unreadable", extra={"key_name": name}, exc_info=True)
        self._next_read_at[name] = self._now() + pause


def compose_authorizer(secret_arns: Mapping[str, str], *, only_header: str | None = None) -> Authorizer:
    """Return an authorizer that reads the secrets of the keys; `secret_arns` maps the name of a key to its secret."""

    def read_secret(name: str) -> str:
        # This import loads boto3; see lambdas.runtime.clients.
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above

        try:
            # A failed read is repeated by a later request, because Lambda ends a function that waits for long.
            secret = client("secretsmanager", max_attempts=1).get_secret_value(SecretId=secret_arns[name])
        except (BotoCoreError, ClientError) as error:
            raise SecretsUnreadable from error
        return str(secret["SecretString"])

    return Authorizer(names=secret_arns, read_secret=read_secret, only_header=only_header)
