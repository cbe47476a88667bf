"""The authorizer with the keys of Secrets Manager, for the function of that name and for functions with a URL."""

from collections.abc import Mapping
from typing import Final

from lambdas.authorize.authorizing import Authorizer, SecretsUnreadable

#: Seconds for which a process keeps the keys: a rotated key works, and the old one stops, within this time.
KEY_MAX_AGE_SECONDS: Final = 300


def compose_authorizer(secret_arns: Mapping[str, str]) -> Authorizer:
    """Return an authorizer that reads the secret of each key; `secret_arns` has them by the key's name."""

    def read_secrets() -> dict[str, str]:
        # It brings boto3 along; see lambdas.clients.
        from aws_lambda_powertools.utilities.parameters import GetParameterError, get_secret  # noqa: PLC0415 - as above

        try:
            return {name: str(get_secret(arn, max_age=KEY_MAX_AGE_SECONDS)) for name, arn in secret_arns.items()}
        except GetParameterError as error:
            raise SecretsUnreadable from error

    return Authorizer(read_secrets=read_secrets)
