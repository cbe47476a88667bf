"""Check of a submission at the edge: converts any accepted format to a v1alpha2 task, or names every broken field."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from contract import runpod, task_v1alpha1
from contract.checkpoint import choose_checkpoint, extract_requested_checkpoint
from contract.content import check_cost, check_input_image
from contract.errors import FieldError, InvalidTask
from contract.formats import WRAPPER, Format, original_field
from contract.infotext import fill_from_infotext
from contract.json_values import describe
from contract.model_errors import what_to_write
from contract.output_request import OutputRequest
from contract.request_fields import read_request
from contract.routing import Catalogue, FindCheckpoint, Runtime
from contract.task import Metadata, Policy, Task, TaskType
from contract.unknown_keys import refuse_misspelt, refuse_unknown
from contract.webui_values import shown
from contract.work import pictures_of

#: Broken fields that one response names.
MAX_ERRORS: Final = 50
#: Unknown fields that a record, a callback and an answer name.
MAX_UNKNOWN_FIELDS: Final = 20
_OBJECTS: Final[Mapping[str, type[BaseModel]]] = {"policy": Policy, "output": OutputRequest}
#: The parts of a task, and what each holds.
_PARTS: Final = {"metadata": "id, runtime and tasktype", "content": "the Web UI's request"}


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
    #: ETags of the linked objects in the environment's own buckets, by link.
    etags: Mapping[str, str] = dataclass_field(default_factory=dict)
    #: As for `contract.formats.original_field`.
    moved_fields: Mapping[str, str] = dataclass_field(default_factory=dict)
    #: Fields that Darkroom does not know and passes on, as the sender wrote them.
    unknown_fields: tuple[str, ...] = ()

    def original_field(self, field: str) -> str:
        """Return the path of a field as the sender wrote it."""
        return original_field(field, self.format, self.moved_fields)


@dataclass(frozen=True)
class _Findings:
    """What the check of one request has found so far, with v1alpha2 paths."""

    errors: list[FieldError] = dataclass_field(default_factory=list)
    moved: dict[str, str] = dataclass_field(default_factory=dict)
    unknown: list[str] = dataclass_field(default_factory=list)


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
    format_: Format | None = None,
    runtime_name: str | None = None,
    generated_id: str = "",
) -> Submission:
    """Check a request and return its task.

    Args:
        body: The request, parsed from JSON.
        catalogue: The configured runtimes.
        find_checkpoint: Returns the checkpoint of the model bucket for a name.
        format_: The only accepted format; None accepts all formats, and detects each by its shape.
        runtime_name: The runtime of a RunPod request, which does not name it in its body.
        generated_id: The id of a RunPod request, which does not name one.

    Raises:
        InvalidTask: the request has broken fields, which are named as the sender wrote them.
    """
    format_ = format_ or format_of(body)
    found = _Findings()
    if format_ is Format.RUNPOD:
        found.unknown.extend(refuse_misspelt(body, runpod.REQUEST_KEYS, "", found.errors, owner="a RunPod request"))
        body = runpod.task_from_runpod(body, task_id=generated_id, runtime=runtime_name, moved=found.moved)
    elif format_ is Format.V1ALPHA1:
        body, errors = task_v1alpha1.convert(
            body, catalogue=catalogue, find_checkpoint=find_checkpoint, moved=found.moved
        )
        found.errors.extend(errors)
    submission = _check(body, format_, catalogue, find_checkpoint, found)
    if isinstance(submission, Submission) and not found.errors:
        return submission
    named = [replace(error, field=original_field(error.field, format_, found.moved)) for error in found.errors]
    raise InvalidTask(_first_of_each_field(named))


def _check(
    body: dict[str, Any],
    format_: Format,
    catalogue: Catalogue,
    find_checkpoint: FindCheckpoint,
    found: _Findings,
) -> Submission | None:
    errors = found.errors
    metadata_body, content = _parts(body, found)
    metadata = runtime = tasktype = None
    if metadata_body is not None:
        metadata = _check_metadata(metadata_body, errors)
        runtime = _check_runtime(metadata_body, catalogue, errors)
        with contextlib.suppress(ValueError):
            tasktype = TaskType(str(metadata_body.get("tasktype")))
    if content is None:
        return None
    content, requested = extract_requested_checkpoint(content, errors, found.moved)
    if tasktype is None:
        return None
    content, filled = _read(tasktype, content, runtime, found)
    checkpoint = None
    # The work of scripts is computed from arguments that are sound.
    is_sound = not any("script" in error.field for error in errors)
    errors += _check_content(tasktype, content, runtime if is_sound else None)
    if runtime:
        checkpoint = choose_checkpoint(requested, tasktype, content, runtime, find_checkpoint, errors)
    errors[:] = [_at_infotext(error, filled) for error in errors]
    found.moved.update(filled)
    if metadata is None:
        return None
    if is_sound and metadata.output.put_links:
        errors += _check_put_links(metadata, *_call_of(tasktype, content)[:2])
    if runtime:
        metadata = _within_longest_task(metadata, runtime, errors)
    return Submission(
        Task(metadata=metadata, content=content),
        format_,
        checkpoint,
        requested.name,
        moved_fields=found.moved,
        unknown_fields=tuple(
            # Half a surrogate pair is no text for DynamoDB.
            original_field(field, format_, found.moved).encode(errors="backslashreplace").decode()
            for field in found.unknown[:MAX_UNKNOWN_FIELDS]
        ),
    )


def _parts(body: dict[str, Any], found: _Findings) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return metadata and content, each None if it is no object."""
    errors = found.errors
    task = body.get(WRAPPER, body)
    if task is body:
        found.moved[WRAPPER] = ""
    if not isinstance(task, dict) or not _PARTS.keys() & task.keys():
        keys = (
            ", ".join(sorted(repr(key[:40]) for key in list(task)[:10])) if isinstance(task, dict) else describe(task)
        )
        errors.append(
            FieldError(
                WRAPPER,
                'expected {"task": {"metadata": {…}, "content": {…}}} (v1alpha2)'
                ' or {"alwayson_scripts": {"task": …, "id_task": …}, …} (v1alpha1);'
                f" found {keys or 'an empty object'}",
            )
        )
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


def _check_metadata(body: dict[str, Any], errors: list[FieldError]) -> Metadata | None:
    refuse_unknown(body, _names_in(Metadata), "task.metadata", errors)
    for name, model in _OBJECTS.items():
        if isinstance(body.get(name), dict):
            refuse_unknown(body[name], _names_in(model), f"task.metadata.{name}", errors)
    try:
        return Metadata.model_validate(body)
    except ValidationError as error:
        errors += [
            FieldError(
                ".".join(("task.metadata", *map(str, problem["loc"]))),
                what_to_write(problem, shown=shown(problem["input"])),
            )
            for problem in error.errors(include_url=False)
        ]
    return None


def _names_in(model: type[BaseModel]) -> list[str]:
    return [each.alias or name for name, each in model.model_fields.items()]


def _check_runtime(metadata: dict[str, Any], catalogue: Catalogue, errors: list[FieldError]) -> Runtime | None:
    name = metadata.get("runtime")
    if not isinstance(name, str) or not name:
        return None
    found = catalogue.find(name)
    if isinstance(found, Runtime):
        return found
    errors.append(found)
    return None


def _read(
    tasktype: TaskType, content: dict[str, Any], runtime: Runtime | None, found: _Findings
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the content as the Web UI reads it, and the path of the infotext by the paths of what it has filled in."""
    endpoint, body, field = _call_of(tasktype, content)
    if tasktype is TaskType.WEBUI_API:
        unknown = refuse_misspelt(content, ("api", "payload"), "task.content", found.errors, owner="a call")
        found.unknown.extend(unknown)
    names: list[str] = []
    if endpoint in runpod.GENERATION_ENDPOINTS and "infotext" in body:
        body, names = fill_from_infotext(body, with_second_pass=endpoint == runpod.TEXT_TO_IMAGE_ENDPOINT)
    allowed = runtime.allowed_scripts if runtime else ()
    body, unknown = read_request(endpoint, body, allowed_scripts=allowed, field=field, errors=found.errors)
    found.unknown.extend(unknown)
    filled = {f"{field}.{name}": f"{field}.infotext" for name in names}
    if tasktype is not TaskType.WEBUI_API:
        return body, filled
    return (content | {"payload": body} if isinstance(content.get("payload"), dict) else content), filled


def _call_of(tasktype: TaskType, content: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
    """Return endpoint, body and path of the body of a task's call."""
    if tasktype is not TaskType.WEBUI_API:
        return runpod.ENDPOINT_OF_TASKTYPE.get(tasktype, ""), content, "task.content"
    payload = content.get("payload")
    return runpod.endpoint_of(content), payload if isinstance(payload, dict) else {}, "task.content.payload"


def _at_infotext(error: FieldError, filled: Mapping[str, str]) -> FieldError:
    for field, infotext in filled.items():
        if error.field == field or error.field.startswith((f"{field}.", f"{field}[")):
            return replace(error, field=infotext, message=f"{error.field.rpartition('.')[2]} {error.message}")
    return error


def _check_content(tasktype: TaskType, content: dict[str, Any], runtime: Runtime | None) -> list[FieldError]:
    if tasktype is TaskType.WEBUI_API:
        if errors := runpod.check_call(content, "task.content"):
            return errors
        if runtime and not runtime.model_calls and runpod.endpoint_of(content) in runpod.MODEL_ENDPOINTS:
            message = f"runtime {runtime.name} does not accept {runpod.endpoint_of(content)}; it needs modelCalls: true"
            return [FieldError("task.content.api.endpoint", message, "call_not_allowed")]
    endpoint, body, field = _call_of(tasktype, content)
    errors = check_cost(endpoint, body, runtime.limits, field) if runtime else []
    return errors + (check_input_image(body, field) if endpoint == runpod.IMAGE_TO_IMAGE_ENDPOINT else [])


def _check_put_links(metadata: Metadata, endpoint: str, body: dict[str, Any]) -> list[FieldError]:
    links, pictures = len(metadata.output.put_links), pictures_of(endpoint, body)[1]
    message = f"has {links} links; the task makes {pictures} pictures"
    return [FieldError("task.metadata.output.put_links", message)] if links < pictures else []


def _within_longest_task(metadata: Metadata, runtime: Runtime, errors: list[FieldError]) -> Metadata:
    """Return the metadata with an execution timeout that the runtime allows."""
    policy, longest_ms = metadata.policy, runtime.longest_task_seconds * 1000
    if policy.execution_timeout_ms <= longest_ms:
        return metadata
    if "execution_timeout_ms" in policy.model_fields_set:
        message = f"is {policy.execution_timeout_ms}; tasks of runtime {runtime.name} may run for {longest_ms} at most"
        errors.append(FieldError("task.metadata.policy.executionTimeout", message, "limit_exceeded"))
    return metadata.model_copy(update={"policy": policy.model_copy(update={"execution_timeout_ms": longest_ms})})


def _first_of_each_field(errors: list[FieldError]) -> list[FieldError]:
    # The check of a converted task repeats the errors of the conversion, less clearly.
    first = {error.field: error for error in reversed(errors)}
    return [error for error in errors if error is first[error.field]][:MAX_ERRORS]
