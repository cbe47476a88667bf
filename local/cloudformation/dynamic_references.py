"""Dynamic references, `{{resolve:service:...}}`: values that CloudFormation reads only while it deploys."""

import json
import re
from collections.abc import Callable
from typing import Final

from local.cloudformation.errors import TemplateError

_REFERENCE: Final = re.compile(r"\{\{resolve:([^:{}]*):([^{}]*)\}\}")
#: Separator between the secret's name or ARN, which may contain colons, and the JSON key.
_SELECTION: Final = ":SecretString"

#: Returns the text of the secret with this name or ARN.
ReadSecret = Callable[[str], str]


def replace_dynamic_references(text: str, read_secret: ReadSecret) -> str:
    """Return `text` with its dynamic references replaced; Secrets Manager is the one service there is."""

    def replace(match: re.Match[str]) -> str:
        service, rest = match.groups()
        if service != "secretsmanager":
            raise TemplateError(f"the local system cannot resolve {match[0]}: it knows secretsmanager only")
        secret_id, _, selection = rest.partition(_SELECTION)
        json_key, *version = selection.removeprefix(":").split(":")
        if any(version):
            raise TemplateError(f"the local system cannot resolve {match[0]}: its secrets have one version")
        secret = read_secret(secret_id)
        return _field(secret, json_key, match[0]) if json_key else secret

    return _REFERENCE.sub(replace, text)


def _field(secret: str, json_key: str, reference: str) -> str:
    try:
        return str(json.loads(secret)[json_key])
    except (ValueError, KeyError, TypeError):
        raise TemplateError(f"{reference}: the secret is no JSON object with the key {json_key!r}") from None
