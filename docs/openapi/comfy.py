"""Comfy API below /comfy/{runtime}/api/v2."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from contract.routing import RUNTIME_NAME_PATTERN
from docs.openapi.operation import Body, Operation, Parameter
from lambdas.comfy_api.bodies import ComfyAsset, ComfyJob, ComfyJobPage, ComfyRefusal, JobWorkflow
from lambdas.comfy_api.job_request import JobRequest
from lambdas.http.forms import MULTIPART
from lambdas.http.responses import ErrorResponse
from lambdas.tasks.task_list import DEFAULT_LIMIT, MAX_LIMIT

_TAG: Final = "Comfy"
_ROOT: Final = "/comfy/{runtime}/api/v2"
_RUNTIME: Final = Parameter(
    "runtime", "Name of a runtime of ComfyUI", {"type": "string", "pattern": RUNTIME_NAME_PATTERN}, "path", "comfyui"
)
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary"},
        "file_path": {"type": "string", "description": "Name of the file at its sender"},
        "content_type": {"type": "string", "description": "The content of the file decides instead"},
        "expected_hash": {"type": "string", "description": "Accepted and not checked"},
        "tags": {"type": "array", "items": {"type": "string"}, "description": "Accepted and not kept"},
    },
}
#: Answer to a call whose fields are broken. All others have no `details`.
_BROKEN: Final = {HTTPStatus.UNPROCESSABLE_ENTITY: ComfyRefusal}
_GONE: Final = {HTTPStatus.GONE: ErrorResponse}
_IN_USE: Final = {HTTPStatus.CONFLICT: ErrorResponse}
_WORKFLOW: Final[dict[str, Any]] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 255}},
    "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "blue", "images": ["1", 0]}},
}


def _call(
    method: str,
    path: str,
    name: str,
    summary: str,
    status: HTTPStatus,
    answer: Any,
    *parameters: Parameter,
    refusals: Mapping[HTTPStatus, type] = MappingProxyType({}),
    body: Body | None = None,
) -> Operation:
    answers = {status: answer, **refusals}
    return Operation(
        method, f"{_ROOT}{path}", name, summary, _TAG, answers, parameters=(_RUNTIME, *parameters), body=body
    )


def _id(what: str, name: str = "id") -> Parameter:
    return Parameter(name, f"Id of the {what}", {"type": "string", "minLength": 1}, "path")


_LISTING: Final = (
    Parameter(
        "limit", f"Jobs of a page; default {DEFAULT_LIMIT}", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}
    ),
    Parameter("cursor", "`next_cursor` of the page before", {"type": "string"}),
)
_HASH: Final = Parameter("hash", "Hash of the content", {"type": "string", "minLength": 1}, "path")

OPERATIONS: Final = (
    _call(
        "POST",
        "/jobs",
        "createComfyJob",
        "Submit a workflow",
        HTTPStatus.CREATED,
        ComfyJob,
        refusals=_BROKEN,
        body=Body(JobRequest, {"blue": {"workflow": _WORKFLOW}}),
    ),
    _call(
        "GET",
        "/jobs",
        "listComfyJobs",
        "List the newest jobs",
        HTTPStatus.OK,
        ComfyJobPage,
        *_LISTING,
        refusals=_BROKEN,
    ),
    _call("GET", "/jobs/{id}", "readComfyJob", "Read a job", HTTPStatus.OK, ComfyJob, _id("job"), refusals=_GONE),
    _call(
        "POST",
        "/jobs/{id}/cancel",
        "cancelComfyJob",
        "Cancel a job",
        HTTPStatus.OK,
        ComfyJob,
        _id("job"),
        refusals=_GONE,
    ),
    _call(
        "GET",
        "/jobs/{id}/workflow",
        "readComfyWorkflow",
        "Read the graph of a job",
        HTTPStatus.OK,
        JobWorkflow,
        _id("job"),
        refusals={**_GONE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ErrorResponse},
    ),
    _call(
        "GET",
        "/jobs/{id}/events",
        "streamComfyEvents",
        "Learn that a job has no stream of events",
        HTTPStatus.NOT_IMPLEMENTED,
        ErrorResponse,
        _id("job"),
    ),
    _call(
        "POST",
        "/assets",
        "uploadComfyAsset",
        "Upload the input of a workflow",
        HTTPStatus.CREATED,
        ComfyAsset,
        refusals=_BROKEN,
        body=Body(_FORM, content_type=MULTIPART),
    ),
    _call(
        "HEAD",
        "/assets/by-hash/{hash}",
        "findComfyAsset",
        "Learn that a file must be uploaded",
        HTTPStatus.NOT_FOUND,
        None,
        _HASH,
    ),
    _call(
        "GET",
        "/assets/{id}",
        "readComfyAsset",
        "Read an asset",
        HTTPStatus.OK,
        ComfyAsset,
        _id("asset"),
        refusals=_GONE,
    ),
    _call(
        "DELETE",
        "/assets/{id}",
        "removeComfyAsset",
        "Remove an upload",
        HTTPStatus.NO_CONTENT,
        None,
        _id("asset"),
        refusals=_IN_USE,
    ),
    _call(
        "GET",
        "/assets/{id}/content",
        "readComfyContent",
        "Get a link to the content of an asset",
        HTTPStatus.FOUND,
        None,
        _id("asset"),
        refusals=_GONE,
    ),
)
