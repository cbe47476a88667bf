"""Check of a submission at the edge: converts any accepted format to a v1alpha2 task, or names every broken field."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from contract import runpod, task_v1alpha1
from contract.errors import FieldError, InvalidTask
from contract.findings import CheckedContent, Findings
from contract.formats import WRAPPER, Format, original_field
from contract.json_values import describe
from contract.model_errors import MAX_ERRORS, field_errors
from contract.output_request import OutputRequest
from contract.pipeline.node_list import core_nodes
from contract.pipeline.workflow_check import HasObject, check_workflow
from contract.routing import Catalogue, FindCheckpoint, Runtime
from contract.task import Metadata, Policy, Task, TaskType
from contract.unknown_keys import refuse_misspelt, refuse_unknown
from contract.webui_content import check_webui_content

#: Unknown fields that a record, a callback and an answer name.
MAX_UNKNOWN_FIELDS: Final = 20
_OBJECTS: Final[Mapping[str, type[BaseModel]]] = {"policy": Policy, "output": OutputRequest}
#: The parts of a task, and what each holds.
_PARTS: Final = {
    "metadata": "id, runtime and tasktype",
    "content": "the Web UI's request, or the workflow of a pipeline",
}
#: The calls that accept the other formats.
_OTHER_DOORS: Final = {Format.V1ALPHA1: "POST /v1alpha1", Format.RUNPOD: "POST /v2/{runtime}/run"}


@dataclass(frozen=True)
class Submission:
    """A task that may be recorded and published.

    `task.content` no longer holds Darkroom's own keys. `checkpoint` is the checkpoint that the runtime must load (None:
    the task needs no model), `requested_checkpoint` the name that the sender wrote.
    """

    task: Task
    format: Format
    checkpoint: str | None
    requested_checkpoint: str | None
    #: The runtime that the sender wrote, if another one executes the task.
    requested_runtime: str | None = None
    #: ETags of the linked objects in the environment's own buckets, by link.
    etags: Mapping[str, str] = dataclass_field(default_factory=dict)
    #: As for `contract.formats.original_field`.
    moved_fields: Mapping[str, str] = dataclass_field(default_factory=dict)
    #: Fields that Darkroom does not know and passes on, as the sender wrote them.
    unknown_fields: tuple[str, ...] = ()

    def original_field(self, field: str) -> str:
        """Return the path of a field as the sender wrote it."""
        return original_field(field, self.format, self.moved_fields)


def format_of(body: Mapping[str, Any]) -> Format:
    """Return the format of a body by its shape; an unknown shape counts as v1alpha2, whose errors explain it."""
    if "input" in body and "task" not in body:
        return Format.RUNPOD
    if task_v1alpha1.is_v1alpha1(dict(body)):
        return Format.V1ALPHA1
    return Format.V1ALPHA2


def parse_submission(
    body: dict[str, Any],
    *,
    catalogue: Catalogue,
    find_checkpoint: FindCheckpoint,
    has_object: HasObject,
    format_: Format | None = None,
    runtime_name: str | None = None,
    generated_id: str = "",
) -> Submission:
    """Check a request and return its task.

    `format_` is the only accepted format; None accepts all formats, and detects each by its shape. A RunPod request
    does not name its runtime and id: they are `runtime_name` and `generated_id`.

    Raises:
        InvalidTask: the request has broken fields, which are named as the sender wrote them.
    """
    format_ = format_ or format_of(body)
    found = Findings()
    if format_ is Format.RUNPOD:
        found.unknown.extend(refuse_misspelt(body, runpod.REQUEST_KEYS, "", found.errors, owner="a RunPod request"))
        body = runpod.task_from_runpod(body, task_id=generated_id, runtime=runtime_name, found=found)
    elif format_ is Format.V1ALPHA1:
        body, errors = task_v1alpha1.convert(
            body, catalogue=catalogue, find_checkpoint=find_checkpoint, moved=found.moved
        )
        found.errors.extend(errors)
    submission = _check(body, format_, catalogue, find_checkpoint, has_object, found)
    if isinstance(submission, Submission) and not found.errors:
        return submission
    named = (replace(error, field=original_field(error.field, format_, found.moved)) for error in found.errors)
    raise InvalidTask(_first_of_each_field(named))


def _check(
    body: dict[str, Any],
    format_: Format,
    catalogue: Catalogue,
    find_checkpoint: FindCheckpoint,
    has_object: HasObject,
    found: Findings,
) -> Submission | None:
    errors = found.errors
    metadata_body, content = _parts(body, found)
    metadata = runtime = tasktype = None
    if metadata_body is not None:
        metadata = _check_metadata(metadata_body, errors)
        with contextlib.suppress(ValueError):
            tasktype = TaskType(str(metadata_body.get("tasktype")))
        runtime = _check_runtime(metadata_body, tasktype, format_, catalogue, errors)
    if content is None:
        return None
    checked = CheckedContent(content)
    if tasktype is TaskType.PIPELINE:
        if runtime and runtime.takes(tasktype):
            errors += check_workflow(content, runtime=runtime, nodes=core_nodes(), has_object=has_object)
    elif runtime is None or runtime.takes(tasktype):
        checked = check_webui_content(tasktype, content, runtime=runtime, find_checkpoint=find_checkpoint, found=found)
    if metadata is None:
        return None
    requested_runtime = metadata.runtime
    if runtime:
        metadata = _within_longest_task(metadata, runtime, errors).model_copy(update={"runtime": runtime.name})
    errors += _check_put_links(metadata, checked.pictures)
    return Submission(
        Task(metadata=metadata, content=checked.content),
        format_,
        checked.checkpoint,
        checked.requested_checkpoint,
        requested_runtime=requested_runtime if requested_runtime != metadata.runtime else None,
        moved_fields=found.moved,
        unknown_fields=tuple(
            # Half a surrogate pair is no text for DynamoDB.
            original_field(field, format_, found.moved).encode(errors="backslashreplace").decode()
            for field in found.unknown[:MAX_UNKNOWN_FIELDS]
        ),
    )


def _parts(body: dict[str, Any], found: Findings) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return metadata and content, each None if it is no object."""
    errors = found.errors
    task = body.get(WRAPPER, body)
    if task is body:
        found.moved[WRAPPER] = ""
    if not isinstance(task, dict) or not _PARTS.keys() & task.keys():
        errors.append(FieldError(WRAPPER, _expected(task, format_of(body))))
        return None, None
    refuse_unknown(task, _PARTS, WRAPPER, errors)
    if task is not body:
        refuse_unknown(body, (WRAPPER,), "", errors)
    parts = []
    for key, meaning in _PARTS.items():
        value = task.get(key)
        if not isinstance(value, dict):
            problem = f"must be an object, {meaning}, not {describe(value)}" if key in task else "is required"
            errors.append(FieldError(f"task.{key}", problem))
        parts.append(value if isinstance(value, dict) else None)
    return parts[0], parts[1]


def _expected(task: object, format_: Format) -> str:
    if door := _OTHER_DOORS.get(format_):
        return f"is missing; this request is in the format {format_.value}, which {door} accepts"
    keys = ", ".join(sorted(repr(key[:40]) for key in list(task)[:10])) if isinstance(task, dict) else describe(task)
    return (
        'expected {"task": {"metadata": {…}, "content": {…}}} (v1alpha2)'
        ' or {"alwayson_scripts": {"task": …, "id_task": …}, …} (v1alpha1);'
        f" found {keys or 'an empty object'}"
    )


def _check_metadata(body: dict[str, Any], errors: list[FieldError]) -> Metadata | None:
    refuse_unknown(body, _names_in(Metadata), "task.metadata", errors)
    for name, model in _OBJECTS.items():
        if isinstance(body.get(name), dict):
            refuse_unknown(body[name], _names_in(model), f"task.metadata.{name}", errors)
    try:
        return Metadata.model_validate(body)
    except ValidationError as error:
        errors += field_errors(error, path="task.metadata")
    return None


def _names_in(model: type[BaseModel]) -> list[str]:
    return [each.alias or name for name, each in model.model_fields.items()]


def _check_runtime(
    metadata: dict[str, Any],
    tasktype: TaskType | None,
    format_: Format,
    catalogue: Catalogue,
    errors: list[FieldError],
) -> Runtime | None:
    """Return the runtime that executes the task, which may be another one than the sender wrote."""
    name = metadata.get("runtime")
    if not isinstance(name, str) or not name:
        return None
    found = catalogue.find(name)
    if isinstance(found, FieldError):
        errors.append(found)
        return None
    # The path of a RunPod call names the runtime at every later call, too, and v1alpha1 has no pipelines.
    if tasktype is TaskType.PIPELINE and found.pipeline_runtime and format_ is Format.V1ALPHA2:
        return catalogue.require(found.pipeline_runtime)
    if not found.takes(tasktype):
        # The words of worker-comfyui, by which its programs know what is missing.
        words = "Missing 'workflow' parameter; " if format_ is Format.RUNPOD and found.type == "comfyui" else ""
        errors.append(FieldError("task.metadata.tasktype", words + catalogue.advice(found)))
    return found


def _check_put_links(metadata: Metadata, pictures: int | None) -> list[FieldError]:
    links = len(metadata.output.put_links)
    if not links or pictures is None or links >= pictures:
        return []
    message = f"has {links} links; the task makes {pictures} pictures"
    return [FieldError("task.metadata.output.put_links", message)]


def _within_longest_task(metadata: Metadata, runtime: Runtime, errors: list[FieldError]) -> Metadata:
    """Return the metadata with an execution timeout that the runtime allows."""
    policy, longest_ms = metadata.policy, runtime.longest_task_seconds * 1000
    if policy.execution_timeout_ms <= longest_ms:
        return metadata
    if "execution_timeout_ms" in policy.model_fields_set:
        message = f"is {policy.execution_timeout_ms}; tasks of runtime {runtime.name} may run for {longest_ms} at most"
        errors.append(FieldError("task.metadata.policy.executionTimeout", message, "limit_exceeded"))
    return metadata.model_copy(update={"policy": policy.model_copy(update={"execution_timeout_ms": longest_ms})})


def _first_of_each_field(errors: Iterable[FieldError]) -> list[FieldError]:
    # The check of a converted task repeats the errors of the conversion, less clearly.
    first: dict[str, FieldError] = {}
    for error in errors:
        first.setdefault(error.field, error)
        if len(first) == MAX_ERRORS:
            break
    return list(first.values())
