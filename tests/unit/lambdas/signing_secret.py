"""Secret that signs webhooks, in Secrets Manager."""

from typing import Any, Final, NamedTuple

SECRET: Final = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
NEW_SECRET: Final = "whsec_QWxzbyBhIGtleSBvZiAyNCBieXRlcyBhdCBsZWFzdA=="


class SigningSecret(NamedTuple):
    """Secret of the webhooks in Secrets Manager."""

    arn: str
    client: Any
