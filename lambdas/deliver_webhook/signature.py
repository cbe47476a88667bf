"""Signature of webhooks by the Standard Webhooks specification (version 1, symmetric), and its keys.

The keys are the current version of the secret, and the previous one while Secrets Manager labels it so.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from lambdas.authorize.authorizer import SecretsUnreadable
from lambdas.runtime.aws_errors import error_code
from lambdas.runtime.observability import logger

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of secrets, not a secret
#: Bytes of a key (Standard Webhooks, "Signature scheme").
MIN_KEY_BYTES: Final = 24
MAX_KEY_BYTES: Final = 64
#: Milliseconds for which a process keeps the keys. A rotated secret signs within this time.
MAX_AGE_MS: Final = 300_000
#: Milliseconds after a failed read in which the keys are not read again. Otherwise each message of a batch would wait.
RETRY_MS: Final = 30_000
#: Labels that Secrets Manager itself moves when a secret gets a new value.
VERSIONS: Final = ("AWSCURRENT", "AWSPREVIOUS")


class InvalidSecret(ValueError):
    """Raised when a secret cannot sign; the message does not repeat it."""


def signing_key(secret: str) -> bytes:
    """Return the key in a secret: base64, with `whsec_` before it or without."""
    try:
        key = base64.b64decode(secret.strip().removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise InvalidSecret(f"a webhook secret is {SECRET_PREFIX} and base64 of its key") from None
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise InvalidSecret(f"a webhook secret has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes, not {len(key)}")
    return key


def signed_headers(message_id: str, body: bytes, *, keys: Sequence[bytes], now_seconds: int) -> Mapping[str, str]:
    """Return the headers that prove the sender of a body, with one signature for each key."""
    signed = f"{message_id}.{now_seconds}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_seconds),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


class SigningKeys:
    """Reads the secret of each tenant every five minutes. While it is unreadable, the keys of the last read still sign.

    After a read without an answer, no secret is read for a while. Otherwise each tenant of a batch would wait for it.

    A tenant knows its own secret only. Otherwise one receiver could sign webhooks for the receivers of others.
    """

    def __init__(self, *, client: Any, secret_arns: Mapping[str, str], now_ms: Callable[[], int]) -> None:
        self._client = client
        self._secret_arns = secret_arns
        self._now_ms = now_ms
        #: Keys of each tenant, and when they must be read again.
        self._read: dict[str, tuple[Sequence[bytes], int]] = {}
        #: When Secrets Manager may be asked again, after it did not answer.
        self._next_call_at_ms = 0

    def of_tenant(self, tenant: str) -> Sequence[bytes]:
        """Return the keys that sign a tenant's webhooks, the newest first."""
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - see lambdas.runtime.clients

        known, next_read_at_ms = self._read.get(tenant, (None, 0))
        is_silent = self._now_ms() < self._next_call_at_ms
        if known is not None and (is_silent or self._now_ms() <= next_read_at_ms):
            return known
        if is_silent:
            raise SecretsUnreadable("Secrets Manager does not answer")
        try:
            keys = _valid_keys({version: self._secret(tenant, version) for version in VERSIONS})
        except Exception as error:
            if isinstance(error, BotoCoreError):
                self._next_call_at_ms = self._now_ms() + RETRY_MS
            if known is None:
                raise
            logger().warning("webhook_secret_unreadable", tenant=tenant, exc_info=True)
            self._read[tenant] = (known, self._now_ms() + RETRY_MS)
            return known
        self._read[tenant] = (keys, self._now_ms() + MAX_AGE_MS)
        return keys

    def _secret(self, tenant: str, version: str) -> str | None:
        secret_arn = self._secret_arns.get(tenant)
        if secret_arn is None:
            raise InvalidSecret(f"there is no webhook secret of {tenant!r}, because the environment has no such key")
        try:
            response = self._client.get_secret_value(SecretId=secret_arn, VersionStage=version)
        except self._client.exceptions.ClientError as error:
            if version != VERSIONS[0] and error_code(error) == "ResourceNotFoundException":
                return None
            raise
        return str(response["SecretString"])


def _valid_keys(secrets: Mapping[str, str | None]) -> Sequence[bytes]:
    """Return the keys of the existing versions; raises InvalidSecret if every version is invalid.

    A mistyped secret stays the previous version after its correction. It must not stop the corrected one.
    """
    keys: list[bytes] = []
    refusal: InvalidSecret | None = None
    for version, secret in secrets.items():
        try:
            keys += [signing_key(secret)] if secret is not None else []
        except InvalidSecret as error:
            refusal = error
            logger().error("webhook_secret_invalid", version=version, reason=str(error))
    if refusal and not keys:
        raise refusal
    return keys
