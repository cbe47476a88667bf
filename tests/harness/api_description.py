"""Check of HTTP responses against the description of the HTTP API."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

_FILE: Final = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
_URI: Final = "urn:api"


@cache
def _description() -> dict[str, Any]:
    description: dict[str, Any] = json.loads(_FILE.read_text())
    return description


@cache
def _registry() -> Registry[Any]:
    registry: Any = Registry()
    with_description: Registry[Any] = registry.with_resource(_URI, DRAFT202012.create_resource(_description()))
    return with_description


def check_response(method: str, path: str, response: httpx.Response) -> None:
    """Fail if the description knows the operation, and does not describe this status or this body.

    API Gateway answers 404 and 403 for paths that the API lacks, so unknown operations pass.
    """
    bare = path.partition("?")[0]
    for template, operations in _description()["paths"].items():
        if method.lower() in operations and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), bare):
            _check(f"#/paths/{_escaped(template)}/{method.lower()}/responses", operations[method.lower()], response)
            return


def _check(pointer: str, operation: dict[str, Any], response: httpx.Response) -> None:
    status = str(response.status_code)
    responses = operation["responses"]
    assert status in responses, f"{pointer}: status {status} is not described"
    described, pointer = responses[status], f"{pointer}/{status}"
    if "$ref" in described:
        pointer = described["$ref"]
        described = _description()["components"]["responses"][pointer.rpartition("/")[2]]
    content_type = response.headers.get("content-type", "").partition(";")[0]
    if "content" not in described:
        return
    assert content_type in described["content"], f"{pointer}: content type {content_type!r} is not described"
    if content_type == "application/json":
        reference = f"{_URI}{pointer}/content/{_escaped(content_type)}/schema"
        Draft202012Validator({"$ref": reference}, registry=_registry()).validate(response.json())


def _escaped(part: str) -> str:
    return quote(part.replace("~", "~0").replace("/", "~1"), safe="~")
