"""The settings of authorize."""

from pydantic import Json

from contract.settings import Settings


class AuthorizeSettings(Settings):
    """Where the keys are."""

    #: Secret of each key by the key's name.
    api_key_secret_arns: Json[dict[str, str]]
