"""Submitting, reading, listing and cancelling tasks, and the callback of one that has ended."""

from http import HTTPStatus
from typing import Any, Final

from contract import errors
from contract.callback import CALLBACK_STATUS
from contract.record import Status
from contract.task import ID_PATTERN, ID_SCHEMA, Task, TaskType
from docs.openapi.operation import ANY_OBJECT, Body, Operation, Parameter, choice
from lambdas.read_task.task_request import TaskRequest
from lambdas.submit_task.handler import IDEMPOTENCY_HEADER, SubmittedOlderTask, SubmittedTask
from lambdas.tasks.task_list import DEFAULT_LIMIT, KEY_NAME, MAX_LIMIT, MAX_TEXT_LENGTH
from lambdas.tasks.task_view import DeliveredCopy, ShownTask, TaskError, TaskPage
from local.demo.documented_requests import DOCUMENTS, documented_request, documented_workflow
from task_store.task_bucket import MessageLost

_TAG: Final = "Tasks"
_TASK_ID: Final = Parameter(
    "id",
    "Id of the task; an `admin` key writes the tenant of another key's task before it: `shop:test-t2i`",
    {"type": "string", "pattern": f"^(?:[a-z0-9][a-z0-9-]{{0,39}}:)?{ID_PATTERN.pattern}$"},
    "path",
    "test-t2i",
)
_SUBMISSION_ERRORS: Final = (
    errors.InvalidTask,
    errors.InvalidJson,
    errors.IdInUse,
    errors.MessageTooLarge,
    errors.TooManyActiveTasks,
    MessageLost,
)

_OLDER_TASK: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The body of the Web UI's endpoint, with what is ours inside `alwayson_scripts`",
    "required": ["alwayson_scripts"],
    "properties": {
        "alwayson_scripts": {
            "type": "object",
            "required": ["task", "id_task", "sd_model_checkpoint"],
            "properties": {
                "task": TaskType,
                "id_task": {"anyOf": ID_SCHEMA["anyOf"]},
                "sd_model_checkpoint": {"type": "string", "description": "Model; its runtime is found by it"},
                "save_dir": {"type": "string", "description": "Folder of the outputs; default `output`"},
                "image_link": {"type": "string", "description": "Becomes `init_images[0]`"},
                "uid": {"description": "Any value; comes back in the callback's context"},
                "sd_vae": {"type": "string"},
                "override_settings": ANY_OBJECT,
            },
        }
    },
}

_CALLBACK: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["id", "runtime", "status", "result", "image_url", "output_url", "context"],
    "properties": {
        "id": {"type": "string"},
        "runtime": {"type": "string"},
        "status": choice(CALLBACK_STATUS.values()),
        "result": {"type": "boolean", "description": "True for `completed` only"},
        "image_url": {"type": "array", "items": {"type": "string"}},
        "image_count": {"type": "integer", "description": "Number of all pictures, if `image_url` is cut"},
        "manifest_url": {"type": "string", "description": "s3:// URI of the list of all, if `image_url` is cut"},
        "output_url": {"type": ["string", "null"]},
        "deliveries": {"type": "array", "items": DeliveredCopy},
        "context": {"description": "What the sender wrote"},
        "unknown_fields": {"type": "array", "items": {"type": "string"}},
        "batch": {"type": "string", "description": "The batch that the task was sent in"},
        "error": TaskError,
    },
}


def _examples(format_: str) -> dict[str, Any]:
    return {document: documented_request(document, format_) for document in DOCUMENTS}


_IDEMPOTENCY_KEY: Final = Parameter(
    IDEMPOTENCY_HEADER,
    "Any text; a repetition with the same text and body begins no second run, even if the first has ended",
    {"type": "string"},
    "header",
)

OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1alpha2",
        "submitTask",
        "Submit a task",
        _TAG,
        {HTTPStatus.OK: SubmittedTask},
        errors=_SUBMISSION_ERRORS,
        parameters=(_IDEMPOTENCY_KEY,),
        body=Body(
            {"type": "object", "required": ["task"], "properties": {"task": Task}},
            _examples("v1alpha2") | {"pipeline": documented_workflow()},
        ),
    ),
    Operation(
        "POST",
        "/v1alpha1",
        "submitOlderTask",
        "Submit a task in the older format",
        _TAG,
        {HTTPStatus.OK: SubmittedOlderTask},
        errors=_SUBMISSION_ERRORS,
        parameters=(_IDEMPOTENCY_KEY,),
        body=Body(_OLDER_TASK, _examples("v1alpha1")),
    ),
    Operation(
        "GET",
        "/v1alpha2/tasks",
        "listTasks",
        "List tasks, the newest first",
        _TAG,
        {HTTPStatus.OK: TaskPage},
        errors=(errors.InvalidTask,),
        parameters=(
            Parameter("runtime", "Only tasks of this runtime", {"type": "string"}),
            Parameter("status", "Only tasks in this state", choice(Status)),
            Parameter("key", "Only tasks that this key sent", {"type": "string", "pattern": f"^{KEY_NAME.pattern}$"}),
            Parameter(
                "text",
                "Only tasks whose id or listed prompt contains this text, in upper or lower case",
                {"type": "string", "maxLength": MAX_TEXT_LENGTH},
            ),
            Parameter(
                "limit",
                "Tasks of one page",
                {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            ),
            Parameter("next", "The `next` of an earlier answer", {"type": "string"}),
        ),
    ),
    Operation(
        "GET",
        "/v1alpha2/tasks/{id}",
        "readTask",
        "Read a task",
        _TAG,
        {HTTPStatus.OK: ShownTask},
        errors=(errors.TaskNotFound, errors.InvalidTask),
        parameters=(
            _TASK_ID,
            Parameter(
                "inline",
                "true: the outputs themselves as well, as base64, while they fit",
                choice(("true", "false")),
            ),
        ),
    ),
    Operation(
        "GET",
        "/v1alpha2/tasks/{id}/request",
        "readRequest",
        "Read what the sender of a task asked for",
        _TAG,
        {HTTPStatus.OK: TaskRequest},
        errors=(errors.TaskNotFound, MessageLost),
        parameters=(_TASK_ID,),
    ),
    Operation(
        "POST",
        "/v1alpha2/tasks/{id}/retry",
        "retryTask",
        "Run a task again that failed or timed out",
        _TAG,
        {HTTPStatus.OK: SubmittedTask},
        errors=(
            errors.TaskNotFound,
            errors.RuntimeNotFound,
            errors.NotRetryable,
            errors.TooManyActiveTasks,
            MessageLost,
        ),
        parameters=(_TASK_ID, _IDEMPOTENCY_KEY),
    ),
    Operation(
        "DELETE",
        "/v1alpha2/tasks/{id}",
        "cancelTask",
        "Cancel a waiting or running task",
        _TAG,
        {HTTPStatus.OK: ShownTask},
        errors=(errors.TaskNotFound, errors.TaskFinished),
        parameters=(_TASK_ID,),
    ),
    Operation(
        "POST",
        "/v1alpha2/tasks/{id}/webhook",
        "redeliverWebhook",
        "Deliver the webhook of a finished task once more",
        _TAG,
        {HTTPStatus.ACCEPTED: ShownTask},
        errors=(errors.TaskNotFound, errors.TaskNotFinished, errors.NoWebhook, errors.TooManyRedeliveries),
        parameters=(_TASK_ID,),
    ),
)

TASK_ENDED: Final = Operation(
    "POST",
    "",
    "taskEnded",
    "Sent to `metadata.webhook` when a task has ended, signed as Standard Webhooks say",
    _TAG,
    {HTTPStatus.OK: None, HTTPStatus.GONE: None},
    parameters=tuple(
        Parameter(name, meaning, {"type": "string"}, "header")
        for name, meaning in (
            ("webhook-id", "The same for every delivery of one run of a task"),
            ("webhook-timestamp", "Seconds since 1970"),
            ("webhook-signature", "One or two signatures, with a space between"),
        )
    ),
    body=Body(_CALLBACK),
)
