"""Redaction of the secrets of a task: the token of a hub or service, and the query of a download's address."""

import json
import re
from typing import Any, Final

from contract.pipeline.graph import COMFY_KEY, RUNPOD_COMFY_KEY, graph_of
from contract.runpod import MODEL_ENDPOINTS, endpoint_of
from contract.task import Task, TaskType

#: Field of a call of `v1/sync` with the sender's token.
TOKEN_FIELD: Final = "hf_token"  # noqa: S105 - the name of a field
_SECRET_FIELDS: Final = (TOKEN_FIELD, COMFY_KEY, RUNPOD_COMFY_KEY)
#: Field of a call of `v1/download`. Some servers expect a token in the query of an address.
SOURCE_FIELD: Final = "source_url"
#: A secret in any text. The text may be broken JSON, or JSON in a string of JSON, whose quotation marks have
#: backslashes. The expression reads each run of backslashes once, so a stranger cannot make the search slow.
_IN_TEXT: Final = re.compile(
    rf"""(?<!\\)((?P<escape>\\*+)"(?:{TOKEN_FIELD}|api_key_comfy_org|comfy_org_api_key|{SOURCE_FIELD})(?P=escape)"\s*:\s*(?P=escape)")"""
    r""".*?(?=(?<!\\)(?P=escape)"|\Z)""",
    re.DOTALL,
)
#: A printable ASCII character that JSON's escapes hide.
_ESCAPED: Final = re.compile(r"(?<!\\)\\++u00([2-7][0-9a-fA-F])")


def without_secrets(task: Task) -> dict[str, Any]:
    """Return the content of a task as it may be stored: without a token, and without the query of an address."""
    content = task.content
    if task.metadata.tasktype is TaskType.PIPELINE:
        return graph_of(content)
    if endpoint_of(content) not in MODEL_ENDPOINTS or not isinstance(content.get("payload"), dict):
        return content
    payload = {key: value for key, value in content["payload"].items() if key != TOKEN_FIELD}
    return content | {"payload": _redacted(payload)}


def without_query(url: str) -> str:
    """Return an address without its query, its fragment and its credentials."""
    scheme, separator, rest = url.partition("?")[0].partition("#")[0].rpartition("://")
    host, slash, path = rest.partition("/")
    return scheme + separator + host.rpartition("@")[2] + slash + path


def text_without_secrets(text: str) -> str:
    """Return a message of any form without secrets; one that is not JSON is searched as text."""
    try:
        value = json.loads(text)
        redacted = _redacted(value)
    except (ValueError, RecursionError):
        plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
        cleaned = _IN_TEXT.sub(r"\1", plain)
        return text if cleaned == plain else cleaned
    return text if redacted == value else json.dumps(redacted)


def _redacted(value: Any) -> Any:
    match value:
        case dict():
            return {key: _redacted_field(key, item) for key, item in value.items()}
        case list():
            return [_redacted(item) for item in value]
        case str() if value.lstrip()[:1] in {"{", "["}:
            # The envelope of a topic holds its message as JSON in a text.
            return text_without_secrets(value)
    return value


def _redacted_field(key: str, value: Any) -> Any:
    if key in _SECRET_FIELDS:
        return ""
    return without_query(value) if key == SOURCE_FIELD and isinstance(value, str) else _redacted(value)
