"""Request of a batch: its options and its tasks, each with its place in what the sender wrote."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contract.batch import MAX_BATCH_BYTES, MAX_BATCH_TASKS
from contract.errors import FieldError, InvalidJson, InvalidTask
from contract.json_values import compact_json, describe, parse_json, parse_json_object
from contract.model_errors import field_errors
from contract.prompt_matrix import MatrixError, expand_prompt
from contract.task import Context, TaskId, Webhook
from contract.task_v1alpha1 import is_v1alpha1
from contract.unknown_keys import refuse_unknown
from contract.upload import JSON_LINES

#: Content types of JSON lines: the common name, and the others that programs send.
JSON_LINES_TYPES: Final = frozenset({JSON_LINES, "application/jsonl", "application/x-jsonlines", "application/x-jsonl"})
#: Characters of an id that a suffix may follow.
MAX_STEM: Final = 120
#: Keys of the objects around a value in a task, and its own key.
KeyPath = tuple[str, ...]


class BatchOptions(BaseModel):
    """What belongs to a batch as a whole."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    id: TaskId | None = None
    expand: Annotated[bool, Field(description="Expand choices in prompts: `a {red|blue} star` makes two tasks")] = False
    callback: Annotated[bool, Field(description="The completion topic gets a callback when the batch ends")] = False
    webhook: Webhook | None = None
    context: Context = None


@dataclass(frozen=True)
class PlacedTask:
    """One task as its sender wrote it, and its place: `line 3: ` or `tasks[2].`."""

    place: str
    body: dict[str, Any]


@dataclass(frozen=True)
class BatchRequest:
    """A request whose tasks are still to be checked."""

    options: BatchOptions
    tasks: Sequence[PlacedTask]


def read_batch(
    body: str | bytes,
    *,
    content_type: str,
    query: Mapping[str, str],
    read_upload: Callable[[str], str],
) -> BatchRequest:
    """Return the request of a batch.

    `body` has JSON lines if `content_type` says so; otherwise an array of tasks, or an object with options and `tasks`
    or `tasks_link`. `query` has the options of a body that is no object. `read_upload` returns an upload by its link.

    Raises:
        InvalidTask: an option is broken, or a line or element is no task.
        InvalidJson: the body is not JSON.
    """
    errors: list[FieldError] = []
    if content_type.partition(";")[0].strip().lower() in JSON_LINES_TYPES:
        return _request(query, _lines(body, errors), errors)
    value = parse_json(body)
    if isinstance(value, list):
        return _request(query, _elements(value, "", errors), errors)
    if not isinstance(value, dict):
        raise InvalidJson(f"the body must be JSON lines, an array of tasks, or an object, not {describe(value)}")
    known = (*BatchOptions.model_fields, "tasks", "tasks_link")
    errors += [
        FieldError(name[:40], "is not a query parameter of a batch that is an object; write it into the object")
        for name in query
    ]
    refuse_unknown(value, known, "", errors)
    given = [name for name in ("tasks", "tasks_link") if value.get(name) is not None]
    if len(given) != 1:
        errors.append(FieldError("tasks", "write either tasks, an array, or tasks_link, a link to JSON lines"))
        raise InvalidTask(errors)
    tasks: Sequence[PlacedTask] = ()
    if given == ["tasks_link"]:
        link = value["tasks_link"]
        if isinstance(link, str):
            tasks = _lines(read_upload(link), errors)
        else:
            errors.append(FieldError("tasks_link", f"must be text, the link of an upload, not {describe(link)}"))
    elif isinstance(value["tasks"], list):
        tasks = _elements(value["tasks"], "tasks", errors)
    else:
        errors.append(FieldError("tasks", f"must be an array of tasks, not {describe(value['tasks'])}"))
    options = {name: option for name, option in value.items() if name in BatchOptions.model_fields}
    return _request(options, tasks, errors)


def _request(options: Mapping[str, Any], tasks: Sequence[PlacedTask], errors: list[FieldError]) -> BatchRequest:
    refuse_unknown(options, BatchOptions.model_fields, "", errors)
    found = BatchOptions()
    try:
        found = BatchOptions.model_validate({name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        errors += field_errors(error)
    if not tasks and not errors:
        errors.append(FieldError("tasks", "has no task; write at least one"))
    if found.expand:
        tasks = list(_expanded(tasks, errors))
    if len(tasks) > MAX_BATCH_TASKS:
        errors.append(FieldError("tasks", f"has more than {MAX_BATCH_TASKS} tasks; send more than one batch"))
    if errors:
        raise InvalidTask(errors)
    return BatchRequest(found, tasks)


def _lines(text: str | bytes, errors: list[FieldError]) -> Sequence[PlacedTask]:
    tasks: list[PlacedTask] = []
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise InvalidJson(f"the body is not UTF-8 text: byte {error.start} cannot be decoded") from None
    # Not splitlines, because JSON strings may hold other line separators of Unicode.
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    for number, line in lines[: MAX_BATCH_TASKS + 1]:
        try:
            tasks.append(PlacedTask(f"line {number}: ", parse_json_object(line)))
        except InvalidJson as error:
            message = error.message.replace("the body", "the line").replace(" line 1 ", " ")
            errors.append(FieldError(f"line {number}", message, InvalidJson.code))
    return tasks


def _elements(values: Sequence[object], path: str, errors: list[FieldError]) -> Sequence[PlacedTask]:
    tasks: list[PlacedTask] = []
    for index, value in enumerate(values[: MAX_BATCH_TASKS + 1]):
        if isinstance(value, dict):
            tasks.append(PlacedTask(f"{path}[{index}].", value))
        else:
            errors.append(FieldError(f"{path}[{index}]", f"must be a task, an object, not {describe(value)}"))
    return tasks


def _expanded(tasks: Sequence[PlacedTask], errors: list[FieldError]) -> Iterator[PlacedTask]:
    """Yield a task for each prompt that the prompt of a task means, until there are too many."""
    room, size = MAX_BATCH_TASKS, 0
    for task in tasks:
        place = _prompt_place(task.body)
        prompt = _value_at(task.body, place)
        if not isinstance(prompt, str):
            yield task
            continue
        try:
            prompts = expand_prompt(prompt, limit=MAX_BATCH_TASKS)
        except MatrixError as error:
            errors.append(FieldError(f"{task.place}{'.'.join(place)}", str(error)))
            continue
        room -= len(prompts)
        if room < 0:
            errors.append(FieldError("tasks", f"expand to more than {MAX_BATCH_TASKS} tasks; send more than one batch"))
            return
        # A thousand checks of one large picture would use up the memory of the function.
        size += len(compact_json(_with_value(task.body, place, ""))) * len(prompts) + sum(map(len, prompts))
        if size > MAX_BATCH_BYTES:
            message = f"expand to more than the {MAX_BATCH_BYTES} bytes of JSON that a batch may have: pass links to"
            errors.append(FieldError("tasks", f"{message} pictures instead of base64, or send more than one batch"))
            return
        for number, one in enumerate(prompts, start=1):
            body = _with_value(task.body, place, one)
            yield replace(task, body=body if len(prompts) == 1 else with_id_suffix(body, f"-{number}"))


def id_in(body: dict[str, Any]) -> str | None:
    """Return the id in a task of any format; None if it has none that is text or a number."""
    value = _value_at(body, _id_place(body))
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def with_id(body: dict[str, Any], task_id: str) -> dict[str, Any]:
    """Return a task of any format with this id; a body that is no task is returned unchanged."""
    return _with_value(body, _id_place(body), task_id)


def stem_of(id_: str) -> str:
    """Return an id that a suffix may follow: a hash in place of a long end keeps it different from others."""
    if len(id_) <= MAX_STEM:
        return id_
    # The id is not yet checked, so it may hold half a surrogate pair.
    digest = hashlib.sha256(id_.encode(errors="surrogatepass")).hexdigest()
    return f"{id_[: MAX_STEM - 9]}-{digest[:8]}"


def with_id_suffix(body: dict[str, Any], suffix: str) -> dict[str, Any]:
    """Return a task with this end of its id; a task without an id stays as it is."""
    task_id = id_in(body)
    return body if task_id is None else with_id(body, f"{stem_of(task_id)}{suffix}")


def _id_place(body: dict[str, Any]) -> KeyPath:
    if is_v1alpha1(body):
        return "alwayson_scripts", "id_task"
    return *_wrapper(body), "metadata", "id"


def _prompt_place(body: dict[str, Any]) -> KeyPath:
    if is_v1alpha1(body):
        return ("prompt",)
    content = (*_wrapper(body), "content")
    payload = (*content, "payload")
    return *(payload if isinstance(_value_at(body, payload), dict) else content), "prompt"


def _wrapper(body: dict[str, Any]) -> KeyPath:
    return ("task",) if isinstance(body.get("task"), dict) else ()


def _value_at(body: Any, place: KeyPath) -> Any:
    """Return the value at a place; None for a place that is missing."""
    for key in place:
        body = body.get(key) if isinstance(body, dict) else None
    return body


def _with_value(body: dict[str, Any], place: KeyPath, value: object) -> dict[str, Any]:
    """Return a body with a value at a place; it stays as it is if an object around the place is missing."""
    key, *inner_place = place
    if not inner_place:
        return body | {key: value}
    inner = body.get(key)
    return body | {key: _with_value(inner, tuple(inner_place), value)} if isinstance(inner, dict) else body
