"""RunPod's calls below /v2/{runtime}."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from contract import errors
from contract.errors import DarkroomError
from contract.output_request import OutputRequest
from contract.record import FINAL_STATUSES, Status
from contract.routing import RUNTIME_NAME_PATTERN
from contract.runpod import ALLOWED_CALLS
from contract.task import ID_PATTERN, Policy
from docs.openapi.operation import ANY_OBJECT, Body, Operation, Parameter, choice
from lambdas.runpod_api.handler import DEFAULT_WAIT_MS, MAX_WAIT_MS, MIN_WAIT_MS
from lambdas.tasks.output_bucket import OutputGone
from task_store.task_bucket import MessageLost

_TAG: Final = "RunPod"
_DOCUMENT: Final = Path(__file__).parents[1] / "how-to" / "runpod-image-to-image.md"
_RUNTIME: Final = Parameter(
    "runtime", "Name of the runtime", {"type": "string", "pattern": RUNTIME_NAME_PATTERN}, "path", "sdruntime"
)
_JOB_ID: Final = Parameter(
    "id", "Id of the job", {"type": "string", "pattern": f"^{ID_PATTERN.pattern}$"}, "path", "test-t2i"
)
_MILLISECONDS: Final = {"type": "integer", "minimum": 0}

_BRIEF: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "status"],
    "properties": {"id": {"type": "string"}, "status": Status},
}
_SUBMITTED: Final = {
    **_BRIEF,
    "properties": _BRIEF["properties"] | {"unknown_fields": {"type": "array", "items": {"type": "string"}}},
}
_JOB: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "status"],
    "properties": {
        "id": {"type": "string"},
        "status": Status,
        "delayTime": {**_MILLISECONDS, "description": "From submission to pick-up"},
        "executionTime": {**_MILLISECONDS, "description": "From pick-up to the end"},
        "workerId": {"type": "string"},
        "output": {"description": "The Web UI's own answer; progress while the job runs"},
        "error": {"type": "string"},
        "retries": {"type": "integer"},
    },
}
_STREAM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["status", "stream"],
    "properties": {
        "status": Status,
        "stream": {
            "type": "array",
            "items": {"type": "object", "required": ["output"], "properties": {"output": {}}},
        },
    },
}
_JOB_COUNTS: Final = ("completed", "failed", "inProgress", "inQueue", "retried")
_WORKER_COUNTS: Final = ("idle", "running")


def _counts(names: tuple[str, ...]) -> dict[str, Any]:
    numbers = {name: {"type": "integer", "minimum": 0} for name in names}
    return {"type": "object", "required": list(names), "properties": numbers}


_HEALTH: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["jobs", "workers"],
    "properties": {"jobs": _counts(_JOB_COUNTS), "workers": _counts(_WORKER_COUNTS)},
}
_PURGED: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["removed", "status"],
    "properties": {
        "removed": {"type": "integer", "minimum": 0},
        "status": {**choice(("completed", "incomplete")), "description": "incomplete: call again for the rest"},
    },
}
_ENDPOINTS: Final = sorted(set().union(*ALLOWED_CALLS.values()))
_REQUEST: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["input"],
    "properties": {
        "input": {
            "type": "object",
            "required": ["api"],
            "properties": {
                "api": {
                    "type": "object",
                    "required": ["method", "endpoint"],
                    "properties": {
                        "method": choice(sorted(ALLOWED_CALLS)),
                        "endpoint": {
                            "type": "string",
                            "description": f"With or without a slash at its beginning: {', '.join(_ENDPOINTS)}",
                        },
                    },
                },
                "payload": {**ANY_OBJECT, "description": "Body of the call; GET needs none"},
            },
        },
        "webhook": {"type": "string", "format": "uri"},
        "policy": Policy,
        "output": OutputRequest,
    },
}
_SUBMISSION_ERRORS: Final = (
    errors.InvalidTask,
    errors.InvalidJson,
    errors.RuntimeNotFound,
    errors.MessageTooLarge,
    errors.TooManyActiveTasks,
)
_JOB_ERRORS: Final = (errors.TaskNotFound, errors.RuntimeNotFound)


def _documented_request() -> Any:
    return json.loads(_DOCUMENT.read_text(encoding="utf-8").partition("```json")[2].partition("```")[0])


def _call(
    method: str,
    call: str,
    summary: str,
    answer: Any,
    *,
    own_errors: tuple[type[DarkroomError], ...],
    parameters: tuple[Parameter, ...] = (),
    body: Body | None = None,
) -> Operation:
    words = call.partition("/")[0].split("-")
    return Operation(
        method,
        f"/v2/{{runtime}}/{call}",
        "runpod" + "".join(word.capitalize() for word in words),
        summary,
        _TAG,
        {HTTPStatus.OK: answer},
        errors=own_errors,
        parameters=(_RUNTIME, *parameters),
        body=body,
    )


_BODY: Final = Body(_REQUEST, {"image-to-image": _documented_request()})
_WAIT: Final = Parameter(
    "wait",
    f"Milliseconds to wait for the end; default {DEFAULT_WAIT_MS}, and never longer than the gateway lets us",
    {"type": "integer", "minimum": MIN_WAIT_MS, "maximum": MAX_WAIT_MS},
)
_ENDED: Final = ", ".join(status.value for status in FINAL_STATUSES)

OPERATIONS: Final = (
    _call("POST", "run", "Submit a job", _SUBMITTED, own_errors=_SUBMISSION_ERRORS, body=_BODY),
    _call(
        "POST",
        "runsync",
        "Submit a job and wait for its end",
        _JOB,
        own_errors=(*_SUBMISSION_ERRORS, OutputGone),
        parameters=(_WAIT,),
        body=_BODY,
    ),
    _call("GET", "status/{id}", "Read a job", _JOB, own_errors=(*_JOB_ERRORS, OutputGone), parameters=(_JOB_ID,)),
    _call(
        "GET",
        "status-sync/{id}",
        "Wait for the end of a job and read it",
        _JOB,
        own_errors=(errors.InvalidTask, *_JOB_ERRORS, OutputGone),
        parameters=(_JOB_ID, _WAIT),
    ),
    _call(
        "GET",
        "stream/{id}",
        f"Read what is new of a job, until {_ENDED}; a cancelled one is not there",
        _STREAM,
        own_errors=(*_JOB_ERRORS, OutputGone),
        parameters=(_JOB_ID,),
    ),
    _call(
        "POST",
        "cancel/{id}",
        "Cancel a waiting or running job",
        _BRIEF,
        own_errors=(*_JOB_ERRORS, errors.TaskFinished),
        parameters=(_JOB_ID,),
    ),
    _call(
        "POST",
        "retry/{id}",
        "Begin a job again that failed or took too long",
        _BRIEF,
        own_errors=(*_JOB_ERRORS, errors.NotRetryable, errors.TooManyActiveTasks, MessageLost),
        parameters=(_JOB_ID,),
    ),
    _call("POST", "purge-queue", "Cancel all waiting jobs", _PURGED, own_errors=(errors.RuntimeNotFound,)),
    _call("GET", "health", "Count jobs and replicas", _HEALTH, own_errors=(errors.RuntimeNotFound,)),
)
