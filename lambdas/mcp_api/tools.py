"""Tools and resources that assistants use: each call is a request about the tasks of one caller."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from mcp_types import (
    BlobResourceContents,
    CallToolResult,
    ReadResourceResult,
    Resource,
    TextContent,
    Tool,
    ToolAnnotations,
)

from contract.errors import FieldError, InvalidTask, MessageTooLarge, TaskNotFound
from contract.formats import Format
from contract.record import Record, Status
from contract.routing import Runtime
from contract.task import TaskType
from contract.tenancy import Tenant
from lambdas.http.application import Caller
from lambdas.mcp_api.arguments import (
    PREFIX,
    CancelTaskArguments,
    EditImageArguments,
    GenerateImageArguments,
    GetTaskArguments,
    ListModelsArguments,
    ListTasksArguments,
    NoArguments,
    ToolArguments,
    argument_of,
    read_arguments,
)
from lambdas.mcp_api.pictures import content_type_of
from lambdas.mcp_api.task_result import (
    IMAGE_URI_TEMPLATE,
    MAX_SHOWN_BYTES,
    image_uri,
    stored_picture,
    task_and_number,
    task_result,
)
from lambdas.tasks.caller_tasks import CallerTasks

#: Completed tasks whose pictures one page of resources lists; each needs a read of its record.
TASKS_PER_PAGE: Final = 10


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool: its sender, and the seconds that its answer may take."""

    caller: Caller
    seconds: float


@dataclass(frozen=True)
class _Definition:
    title: str
    description: str
    arguments: type[ToolArguments]
    run: Callable[["AssistantTools", Any, ToolCall], CallToolResult]
    only_reads: bool = True


class AssistantTools:
    """Answers calls of tools and reads of resources; raises the contract's errors. `new_id` makes the ids of tasks."""

    def __init__(self, *, tasks: CallerTasks, new_id: Callable[[], str]) -> None:
        self._tasks = tasks
        self._new_id = new_id

    def call(self, name: str, arguments: Mapping[str, Any] | None, call: ToolCall) -> CallToolResult:
        """Call a tool of `TOOLS`; raises KeyError for an unknown one."""
        definition = _DEFINITIONS[name]
        return definition.run(self, read_arguments(definition.arguments, arguments), call)

    def resources(self, cursor: str | None, tenant: Tenant) -> tuple[list[Resource], str | None]:
        """Return the pictures of the newest completed tasks, and the cursor of the page after them."""
        parameters = {"status": Status.COMPLETED.value, "limit": str(TASKS_PER_PAGE)}
        page = self._tasks.list(parameters | ({"next": cursor} if cursor else {}), tenant)
        records = ((task["id"], self._tasks.repository.read(tenant.key_of(task["id"]))) for task in page["tasks"])
        listed = [resource for task_id, record in records if record for resource in _pictures_of(record, task_id)]
        return listed, page["next"]

    def read(self, uri: str, tenant: Tenant) -> ReadResourceResult:
        """Return a picture as it is stored; raises TaskNotFound, OutputGone, and MessageTooLarge."""
        found = task_and_number(uri)
        if found is None:
            raise TaskNotFound(f"{uri[:200]!r} is not a picture; write {IMAGE_URI_TEMPLATE}")
        stored = stored_picture(self._tasks.read(found[0], tenant), found[1])
        data = self._tasks.outputs.read_within([stored], max_bytes=MAX_SHOWN_BYTES * 3 // 4)
        if data is None:
            raise MessageTooLarge(
                f"the picture is larger than the {MAX_SHOWN_BYTES * 3 // 4 // 1024**2} MiB that one answer can carry;"
                " get_task returns a link to it"
            )
        blob = base64.b64encode(data[0]).decode()
        contents = BlobResourceContents(uri=uri, mime_type=content_type_of(data[0]), blob=blob)
        return ReadResourceResult(contents=[contents])

    def _generate(self, arguments: GenerateImageArguments, call: ToolCall) -> CallToolResult:
        caller = call.caller
        if isinstance(arguments, EditImageArguments):
            arguments = self._with_stored_pictures(arguments, caller.tenant)
        try:
            task = arguments.task(f"{PREFIX}-{self._new_id()}", self._tasks.catalogue)
            record = self._tasks.submit(task, caller, format_=Format.V1ALPHA2)
        except InvalidTask as error:
            raise InvalidTask([replace(each, field=argument_of(each.field)) for each in error.details]) from None
        return self._wait_and_show(record, arguments.wait_seconds, call)

    def _with_stored_pictures(self, arguments: EditImageArguments, tenant: Tenant) -> EditImageArguments:
        """Return the arguments with the `s3://` URI of each picture that is named by its task."""
        stored: dict[str, str] = {}
        for name in ("image", "mask"):
            found = task_and_number(getattr(arguments, name) or "")
            if found is None:
                continue
            try:
                stored[name] = stored_picture(self._tasks.read(found[0], tenant), found[1])
            except TaskNotFound as error:
                raise InvalidTask([FieldError(name, error.message, error.code)]) from None
        return arguments.model_copy(update=stored)

    def _get(self, arguments: GetTaskArguments, call: ToolCall) -> CallToolResult:
        record = self._tasks.read(arguments.task_id, call.caller.tenant)
        return self._wait_and_show(record, arguments.wait_seconds, call)

    def _cancel(self, arguments: CancelTaskArguments, call: ToolCall) -> CallToolResult:
        record = self._tasks.read(arguments.task_id, call.caller.tenant)
        return self._wait_and_show(self._tasks.cancel(record), 0, call)

    def _wait_and_show(self, record: Record, wait_seconds: float, call: ToolCall) -> CallToolResult:
        seconds = min(wait_seconds, call.seconds)
        if seconds > 0:
            record = self._tasks.wait(record, seconds)
        return task_result(record, call.caller.tenant.id_of(record.key), self._tasks)

    def _list_tasks(self, arguments: ListTasksArguments, call: ToolCall) -> CallToolResult:
        parameters = {name: str(value) for name, value in arguments.model_dump(exclude_none=True).items()}
        page = self._tasks.list(parameters, call.caller.tenant)
        tasks = [_without_empty({"task_id": task["id"], **task, "id": None}) for task in page["tasks"]]
        return _result({"tasks": tasks, "next": page["next"]})

    def _list_runtimes(self, _: NoArguments, __: ToolCall) -> CallToolResult:
        return _result({"runtimes": [_described(runtime) for runtime in self._tasks.catalogue.of_type("sdwebui")]})

    def _list_models(self, arguments: ListModelsArguments, _: ToolCall) -> CallToolResult:
        runtimes = self._tasks.catalogue.of_type("sdwebui")
        if arguments.runtime is not None:
            found = self._tasks.catalogue.find(arguments.runtime)
            if isinstance(found, FieldError):
                raise InvalidTask([replace(found, field="runtime")])
            if not found.takes(TaskType.TEXT_TO_IMAGE):
                raise InvalidTask([FieldError("runtime", self._tasks.catalogue.advice(found))])
            runtimes = [found]
        checkpoints = self._tasks.models.checkpoints() if any(runtime.dynamic_model for runtime in runtimes) else []
        models = [
            {"runtime": runtime.name, "model": model}
            for runtime in runtimes
            for model in (checkpoints if runtime.dynamic_model else [runtime.model_filename])
        ]
        return _result({"models": models, "loras": self._tasks.models.loras()})


_DEFINITIONS: Final[Mapping[str, _Definition]] = {
    "generate_image": _Definition(
        "Generate a picture",
        "Submit a task that makes pictures from a prompt, and return its task_id at once. Making pictures takes from"
        " seconds to minutes, so call get_task with the task_id afterwards, or wait here with wait_seconds.",
        GenerateImageArguments,
        AssistantTools._generate,  # noqa: SLF001 - the table belongs to the class
        only_reads=False,
    ),
    "edit_image": _Definition(
        "Edit a picture",
        "Submit a task that changes a picture by a prompt, everywhere or where a mask is white, and return its task_id"
        " as generate_image does.",
        EditImageArguments,
        AssistantTools._generate,  # noqa: SLF001 - as above
        only_reads=False,
    ),
    "get_task": _Definition(
        "Show a task",
        "Return the state and progress of a task, and its pictures when it is COMPLETED. With wait_seconds it waits"
        " for the end.",
        GetTaskArguments,
        AssistantTools._get,  # noqa: SLF001 - as above
    ),
    "list_tasks": _Definition(
        "List tasks",
        "Return the newest tasks with their states.",
        ListTasksArguments,
        AssistantTools._list_tasks,  # noqa: SLF001 - as above
    ),
    "cancel_task": _Definition(
        "Cancel a task",
        "Cancel a waiting or running task. A task that has ended stays as it is.",
        CancelTaskArguments,
        AssistantTools._cancel,  # noqa: SLF001 - as above
        only_reads=False,
    ),
    "list_runtimes": _Definition(
        "List runtimes",
        "Return the runtimes that make pictures, with their model and the limits of a request.",
        NoArguments,
        AssistantTools._list_runtimes,  # noqa: SLF001 - as above
    ),
    "list_models": _Definition(
        "List models",
        "Return the models of each runtime, and the LoRAs that a prompt may name as `<lora:name:0.8>`. A runtime that"
        " loads any model makes pictures with the model that a task names.",
        ListModelsArguments,
        AssistantTools._list_models,  # noqa: SLF001 - as above
    ),
}
#: The tools as an assistant sees them.
TOOLS: Final = tuple(
    Tool(
        name=name,
        title=definition.title,
        description=definition.description,
        input_schema=definition.arguments.model_json_schema(),
        annotations=ToolAnnotations(
            read_only_hint=definition.only_reads,
            destructive_hint=name == "cancel_task",
            idempotent_hint=definition.only_reads or name == "cancel_task",
            open_world_hint=False,
        ),
    )
    for name, definition in _DEFINITIONS.items()
)


def _result(value: dict[str, Any]) -> CallToolResult:
    """Return a result for programs, and as text for assistants that read only text."""
    return CallToolResult(content=[TextContent(text=json.dumps(value, ensure_ascii=False))], structured_content=value)


def _without_empty(task: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in task.items() if value is not None}


def _pictures_of(record: Record, task_id: str) -> Iterator[Resource]:
    for number, stored in enumerate(record.image_urls, 1):
        title = f"Picture {number} of task {task_id}"
        yield Resource(name=stored.rpartition("/")[2], title=title, uri=image_uri(task_id, number))


def _described(runtime: Runtime) -> dict[str, Any]:
    return {
        "runtime": runtime.name,
        "model": runtime.model_filename or "any of list_models",
        "limits": runtime.limits.model_dump(by_alias=False),
        "longest_task_seconds": runtime.longest_task_seconds,
        "scripts": list(runtime.allowed_scripts),
    }
