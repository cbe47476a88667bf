"""Sending many tasks as one batch: its counts, its tasks, cancel and retry."""

from http import HTTPStatus
from typing import Any, Final

from contract import errors
from contract.batch import MAX_BATCH_TASKS, BatchTaskState
from contract.task import ID_PATTERN, ID_SCHEMA, WEBHOOK_SCHEMA
from docs.openapi.operation import ANY_OBJECT, Body, Operation, Parameter, choice
from lambdas.batch_api.batch_reader import DEFAULT_LIST_LIMIT, MAX_LIST_LIMIT
from lambdas.batch_api.batch_view import DEFAULT_LIMIT, MAX_LIMIT, BatchPage, BatchTaskPage, ShownBatch
from task_store.task_bucket import MessageLost

_TAG: Final = "Batches"
_BATCH_ID: Final = Parameter(
    "id",
    "Id of the batch; an `admin` key writes the tenant of another key's batch before it",
    {"type": "string", "pattern": f"^(?:[a-z0-9][a-z0-9-]{{0,39}}:)?{ID_PATTERN.pattern}$"},
    "path",
    "posters",
)
_ERRORS: Final = (errors.InvalidTask, errors.InvalidJson, errors.IdInUse, errors.MessageTooLarge)
#: Tasks of format v1alpha2 or v1alpha1; those of a batch may lack an id.
_TASKS: Final[dict[str, Any]] = {"type": "array", "items": ANY_OBJECT, "minItems": 1, "maxItems": MAX_BATCH_TASKS}
_OPTIONS: Final[dict[str, Any]] = {
    "id": ID_SCHEMA,
    "expand": {"type": "boolean", "description": "Choices in prompts make a task each: `a {red|blue} star`"},
    "callback": {"type": "boolean", "description": "The completion topic gets a callback when the batch ends"},
    "webhook": WEBHOOK_SCHEMA,
    "context": {"description": "Comes back in the callback"},
    "tasks": _TASKS,
    "tasks_link": {"type": "string", "description": "Link of an upload of JSON lines, instead of `tasks`"},
}
_TASK: Final[dict[str, Any]] = {
    "task": {
        "metadata": {"runtime": "sdruntime", "tasktype": "text-to-image"},
        "content": {"prompt": "a {red|blue} {circle|star}", "steps": 8},
    }
}


def _limit(most: int, default: int) -> Parameter:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return Parameter("limit", "Entries of one page", schema)


_NEXT: Final = Parameter("next", "The `next` of an earlier answer", {"type": "string"})

OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1alpha2/batches",
        "submitBatch",
        "Submit up to 1,000 tasks as one batch; as JSON lines or an array, the options are query parameters",
        _TAG,
        {HTTPStatus.ACCEPTED: ShownBatch},
        errors=_ERRORS,
        parameters=tuple(
            Parameter(name, f"`{name}` of a body that is no object", {"type": "string"})
            for name in ("id", "expand", "callback", "webhook")
        ),
        body=Body(
            {"anyOf": [{"type": "object", "properties": _OPTIONS, "additionalProperties": False}, _TASKS]},
            {"matrix": {"id": "posters", "expand": True, "tasks": [_TASK]}},
        ),
    ),
    Operation(
        "GET",
        "/v1alpha2/batches",
        "listBatches",
        "List batches, the newest first",
        _TAG,
        {HTTPStatus.OK: BatchPage},
        errors=(errors.InvalidTask,),
        parameters=(_limit(MAX_LIST_LIMIT, DEFAULT_LIST_LIMIT), _NEXT),
    ),
    Operation(
        "GET",
        "/v1alpha2/batches/{id}",
        "readBatch",
        "Read a batch",
        _TAG,
        {HTTPStatus.OK: ShownBatch},
        errors=(errors.BatchNotFound,),
        parameters=(_BATCH_ID,),
    ),
    Operation(
        "DELETE",
        "/v1alpha2/batches/{id}",
        "cancelBatch",
        "Cancel the active tasks of a batch",
        _TAG,
        {HTTPStatus.ACCEPTED: ShownBatch},
        errors=(errors.BatchNotFound, errors.BatchFinished),
        parameters=(_BATCH_ID,),
    ),
    Operation(
        "GET",
        "/v1alpha2/batches/{id}/tasks",
        "listBatchTasks",
        "List the tasks of a batch in their order",
        _TAG,
        {HTTPStatus.OK: BatchTaskPage},
        errors=(errors.BatchNotFound, errors.InvalidTask, MessageLost),
        parameters=(
            _BATCH_ID,
            Parameter("state", "Only tasks in this state", choice(BatchTaskState)),
            _limit(MAX_LIMIT, DEFAULT_LIMIT),
            _NEXT,
        ),
    ),
    Operation(
        "POST",
        "/v1alpha2/batches/{id}/retry",
        "retryBatch",
        "Submit the tasks that failed, timed out or were refused again, as another batch",
        _TAG,
        {HTTPStatus.ACCEPTED: ShownBatch},
        errors=(errors.BatchNotFound, errors.BatchNotFinished, errors.NotRetryable, MessageLost, *_ERRORS),
        parameters=(_BATCH_ID,),
    ),
)
