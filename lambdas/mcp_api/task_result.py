"""Result of a tool that shows a task: its state as JSON, and its pictures as an assistant can see them."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from mcp_types import CallToolResult, ContentBlock, ImageContent, ResourceLink, ResourceTemplate, TextContent

from contract.errors import TaskNotFound
from contract.record import Record, Status
from lambdas.mcp_api.arguments import argument_of
from lambdas.mcp_api.pictures import scaled_down
from lambdas.tasks.known_tasks import KnownTasks
from lambdas.tasks.output_bucket import OutputBucket, OutputGone

#: Bytes of base64 of all pictures in one result; 2 MB of Lambda's limit are left for their escapes and the rest.
MAX_SHOWN_BYTES: Final = 4 * 1024 * 1024
#: Bytes of a stored picture that is read to be scaled.
MAX_STORED_BYTES: Final = 64 * 1024 * 1024
#: What an assistant needs of a task as the HTTP API shows it; the rest would fill its context.
_SHOWN: Final = (
    "status",
    "progress",
    "runtime",
    "tasktype",
    "submitted_at",
    "started_at",
    "completed_at",
    "queue_position",
    "estimated_start_at",
    "image_count",
)
_IMAGE_URI: Final = re.compile(r"darkroom://tasks/([^/]{1,200})/images/([1-9][0-9]{0,3})")
IMAGE_URI_TEMPLATE: Final = "darkroom://tasks/{task_id}/images/{number}"
RESOURCE_TEMPLATES: Final = (
    ResourceTemplate(
        name="picture",
        title="Picture of a task",
        uri_template=IMAGE_URI_TEMPLATE,
        description="A picture of a completed task as it is stored; the first has number 1",
    ),
)


def image_uri(task_id: str, number: int) -> str:
    """Return the URI of a picture of a task; the first has number 1."""
    return IMAGE_URI_TEMPLATE.format(task_id=task_id, number=number)


def task_and_number(uri: str) -> tuple[str, int] | None:
    """Return the task and the number of a picture's URI, None for another URI."""
    found = _IMAGE_URI.fullmatch(uri.strip())
    return (found[1], int(found[2])) if found else None


def stored_picture(record: Record, number: int) -> str:
    """Return the `s3://` URI of a picture of a task; raises TaskNotFound."""
    if number > len(record.image_urls):
        has = f"it has {len(record.image_urls)}" if record.is_final else f"it is {record.status.value}"
        raise TaskNotFound(f"task {record.id} has no picture {number}; {has}")
    return record.image_urls[number - 1]


def task_result(record: Record, task_id: str, tasks: KnownTasks) -> CallToolResult:
    """Return the state of a task, which its caller knows as `task_id`, with the pictures if it is completed."""
    shown = _describe(record, task_id, tasks)
    content: list[ContentBlock] = [TextContent(text=json.dumps(shown, ensure_ascii=False))]
    if record.status is Status.COMPLETED:
        content += _pictures(record, tasks.outputs)
        content += [
            ResourceLink(name=uri.rpartition("/")[2], uri=image_uri(task_id, number))
            for number, uri in enumerate(record.image_urls, 1)
        ]
    is_error = record.status in {Status.FAILED, Status.TIMED_OUT}
    return CallToolResult(content=content, structured_content=shown, is_error=is_error)


def _describe(record: Record, task_id: str, tasks: KnownTasks) -> dict[str, Any]:
    shown: dict[str, Any] = {"task_id": task_id}
    shown |= {name: value for name, value in tasks.show(record).items() if name in _SHOWN and value is not None}
    if record.error:
        shown["error"] = _error(record.error)
    if record.image_urls:
        shown["images"] = [
            {"resource": image_uri(task_id, number), "url": tasks.outputs.link(uri)}
            for number, uri in enumerate(record.image_urls, 1)
        ]
    if not record.is_final:
        shown["hint"] = "The task goes on. Call get_task with this task_id, and wait_seconds to wait for its end."
    return shown


def _pictures(record: Record, outputs: OutputBucket) -> Iterator[ContentBlock]:
    room = MAX_SHOWN_BYTES
    for uri in record.image_urls:
        try:
            stored = outputs.read_within([uri], max_bytes=MAX_STORED_BYTES)
        except OutputGone as error:
            yield TextContent(text=error.message)
            continue
        picture = scaled_down(stored[0]) if stored else None
        if picture is None:
            continue
        data = base64.b64encode(picture[0]).decode()
        room -= len(data)
        if room < 0:
            yield TextContent(text="The other pictures are not shown here; their links and resources have them.")
            return
        yield ImageContent(data=data, mime_type=picture[1])


def _error(error: dict[str, Any]) -> dict[str, Any]:
    """Return a task's error with the arguments of the tool in place of the task's fields."""
    shown: dict[str, Any] = {name: error[name] for name in ("code", "message") if name in error}
    if details := error.get("details"):
        named = [{"field": argument_of(each["field"]), "message": each["message"]} for each in details]
        shown |= {"message": "; ".join(f"{each['field']}: {each['message']}" for each in named), "details": named}
    return shown
