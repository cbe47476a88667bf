"""The whole description, OpenAPI 3.1."""

from http import HTTPStatus
from typing import Any, Final

from docs.openapi import batches, comfy, fleet, mcp, openai, runpod, tasks, uploads, webui
from docs.openapi.errors import error_answers
from docs.openapi.operation import Body, Operation, Parameter
from docs.openapi.schemas import Schemas

OPERATIONS: Final = (
    *tasks.OPERATIONS,
    *batches.OPERATIONS,
    *uploads.OPERATIONS,
    *fleet.OPERATIONS,
    *runpod.OPERATIONS,
    *webui.OPERATIONS,
    *openai.OPERATIONS,
    *comfy.OPERATIONS,
    *mcp.OPERATIONS,
)

#: Names of RFC 9110, which Python has since 3.13.
_PHRASES: Final = {413: "Content Too Large", 422: "Unprocessable Content"}

INTRODUCTION: Final = """\
Generates images asynchronously with the SD Web UI: submit a task, read its state, get links to its pictures, or be
called back. `docs/how-to/` explains what this lists."""


def description() -> dict[str, Any]:
    """Return the document."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    webhooks = {"taskEnded": {"post": _operation(tasks.TASK_ENDED, schemas, is_ours=False)}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Darkroom", "version": "v1alpha2", "description": INTRODUCTION},
        "servers": [
            {
                "url": "{address}",
                "description": "The output HttpUrl of the stack Darkroom-{environment}-Api",
                "variables": {"address": {"default": "https://example.execute-api.eu-central-1.amazonaws.com/api"}},
            }
        ],
        "security": [{"key": []}, {"bearer": []}, {"basic": []}],
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic", "description": "The key is the password"},
            },
            "schemas": schemas.definitions(),
        },
    }


def _operation(operation: Operation, schemas: Schemas, *, is_ours: bool = True) -> dict[str, Any]:
    responses = {
        str(status.value): _answer(status, answer, schemas) for status, answer in sorted(operation.answers.items())
    }
    if operation.streams:
        # A schema would be that of each event, and events of this API have different ones.
        responses["200"]["content"]["text/event-stream"] = {}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        # What an operation says of an error itself is what it says of all errors with that status.
        "responses": dict(sorted(((error_answers(operation.errors, schemas) if is_ours else {}) | responses).items())),
    }
    if operation.parameters:
        described["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body:
        described["requestBody"] = _body(operation.body, schemas)
    return described


def _answer(status: HTTPStatus, answer: Any, schemas: Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {"description": _PHRASES.get(status, status.phrase)}
    if answer is not None:
        described["content"] = {"application/json": {"schema": schemas.schema(answer, "serialization")}}
    return described


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": parameter.schema,
    }
    return described | ({"example": parameter.example} if parameter.example else {})


def _body(body: Body, schemas: Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schemas.schema(body.schema, "validation")}
    if body.examples:
        content["examples"] = {name: {"value": value} for name, value in body.examples.items()}
    return {"required": body.required, "content": {body.content_type: content}}
