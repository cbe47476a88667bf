"""Task files of users, checked only as far as sending them needs."""

import json
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from cli.errors import Refused


def read_request(text: bytes, *, source: str) -> dict[str, Any]:
    """Return the request in a file; what it must hold is the system's to say."""
    try:
        body = json.loads(text)
    except ValueError as error:
        raise Refused(f"{source} is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused(f"{source} must hold one JSON object, a task of format v1alpha2 or v1alpha1")
    return body


def path_of(body: dict[str, Any]) -> str:
    """Return the path of the HTTP API for a body of this shape."""
    return "/v1alpha2" if "task" in body or "metadata" in body else "/v1alpha1"


def id_of(body: dict[str, Any]) -> str:
    """Return the id that a request carries."""
    match body:
        case {"task": {"metadata": {"id": str() | int() as id_}}} | {"metadata": {"id": str() | int() as id_}}:
            return str(id_)
        case {"alwayson_scripts": {"id_task": str() | int() as id_}}:
            return str(id_)
    raise Refused("the request has no id: set task.metadata.id (v1alpha2) or alwayson_scripts.id_task (v1alpha1)")


def file_name(url: str) -> str:
    """Return the last part of a link's path, as the name of the file to save."""
    return PurePosixPath(urlsplit(url).path).name
