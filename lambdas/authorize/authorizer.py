"""Authorizer of the HTTP API: compares the key in a request's headers with every configured key."""

import base64
import hmac
from collections.abc import Callable, Mapping
from typing import Any, Final

from lambdas.runtime.observability import logger


class Unauthorized(Exception):
    """Raised for a missing or wrong key. API Gateway recognizes this refusal by its text alone, and answers 401."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class SecretsUnreadable(Exception):
    """Raised while Secrets Manager does not return the keys."""


def key_in(headers: Mapping[str, str] | None) -> str:
    """Return the key of `x-api-key: KEY`, `Authorization: Bearer KEY` or `Authorization: KEY`; empty if none.

    Programs made for an SD Web UI can send only `Authorization: Basic …`. Its password is the key.
    """
    values = {name.lower(): value for name, value in (headers or {}).items()}
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


def name_of_key(key: str, secrets: Mapping[str, str]) -> str:
    """Return the name of a key; raises Unauthorized for a key that is not among `secrets` (by name).

    Every secret is compared in constant time, so the duration reveals nothing about them.
    """
    names = [name for name, secret in secrets.items() if hmac.compare_digest(secret.encode(), key.encode())]
    if not key or not names:
        raise Unauthorized
    return names[0]


class Authorizer:
    """Admits requests with a valid key. While the secrets cannot be read, the last ones stay valid."""

    def __init__(self, *, read_secrets: Callable[[], Mapping[str, str]]) -> None:
        self._read_secrets = read_secrets
        self._secrets: Mapping[str, str] | None = None

    def authorize(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return the policy for a REQUEST authorizer's event; raises Unauthorized."""
        key = key_in(event.get("headers"))
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
                        "Resource": _whole_stage(str(event["methodArn"])),
                    }
                ],
            },
        }

    def name_of(self, key: str) -> str:
        """Return the name of a key; raises Unauthorized."""
        return name_of_key(key, self._current_secrets())

    def _current_secrets(self) -> Mapping[str, str]:
        try:
            self._secrets = self._read_secrets()
        except SecretsUnreadable:
            if self._secrets is None:
                raise
            logger().warning("secrets_unreadable", exc_info=True)
        return self._secrets


def _whole_stage(method_arn: str) -> str:
    # arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH
    return "/".join((*method_arn.split("/")[:2], "*"))


#: Seconds for which a process keeps the keys. Within this time a rotated key works, and the old key stops.
KEY_MAX_AGE_SECONDS: Final = 300


def compose_authorizer(secret_arns: Mapping[str, str]) -> Authorizer:
    """Return an authorizer that reads the secrets of the keys; `secret_arns` maps the name of a key to its secret."""

    def read_secrets() -> dict[str, str]:
        # This import loads boto3; see lambdas.runtime.clients.
        from aws_lambda_powertools.utilities.parameters import GetParameterError, get_secret  # noqa: PLC0415 - as above

        try:
            return {name: str(get_secret(arn, max_age=KEY_MAX_AGE_SECONDS)) for name, arn in secret_arns.items()}
        except GetParameterError as error:
            raise SecretsUnreadable from error

    return Authorizer(read_secrets=read_secrets)
