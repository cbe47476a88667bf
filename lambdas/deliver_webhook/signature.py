"""Signature of a webhook by the Standard Webhooks specification (version 1, symmetric)."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what secrets begin with, not one
#: Bytes of a key (Standard Webhooks, "Signature scheme").
MIN_KEY_BYTES: Final = 24
MAX_KEY_BYTES: Final = 64


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
    """Return the headers that prove where a body comes from: one signature with each key."""
    signed = f"{message_id}.{now_seconds}.".encode() + body
    signatures = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now_seconds),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
