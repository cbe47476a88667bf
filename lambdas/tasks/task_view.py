"""View of a task over HTTP: its fields, and its outputs as links or inline."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NotRequired, cast

from typing_extensions import TypedDict

from contract.batch import Batch
from contract.record import Record, Status
from contract.storage import S3Location, output_location, output_run, thumbnail_key
from contract.tenancy import name_in
from contract.webhook import WebhookState
from lambdas.http.responses import Link, Moment, moment, optional_moment
from lambdas.tasks.queue_place import NO_PLACE, QueuePlace


class Output(TypedDict):
    """One object in the output bucket."""

    s3_url: str
    #: Works for an hour, without a key.
    url: Link
    #: A WebP of the picture within 256 x 256 pixels; null if Pillow cannot make it; only pictures have the field.
    thumbnail: NotRequired[Link | None]
    #: The node of a workflow that made the file, the kind of the file, and its name at ComfyUI.
    node_id: NotRequired[str]
    kind: NotRequired[Literal["image", "video", "audio", "text", "latent", "file"]]
    filename: NotRequired[str]
    #: The object itself, if it was asked for; null where it does not fit or is gone.
    base64: NotRequired[str | None]


class DeliveredCopy(TypedDict):
    """Copy of one picture at the destination that the sender named."""

    #: Without the query of a presigned link; null if there was no link for the picture.
    url: str | None
    #: Why the copy is not there; null if it is.
    error: str | None


class TaskError(TypedDict):
    """Why a task did not complete."""

    code: str
    message: str


class WebhookTrace(TypedDict):
    """How the deliveries of a webhook went."""

    state: WebhookState
    attempts: int
    lastStatus: int | None
    lastError: str | None


class TaskHead(TypedDict):
    """What a task is, and how far."""

    id: str
    runtime: str
    tasktype: str
    status: Status
    #: From 0 to 1.
    progress: float


class TaskTimes(TypedDict):
    """When things happened to a task."""

    submitted_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    delay_ms: int | None
    execution_ms: int | None


class Sampling(TypedDict, total=False):
    """Known position of a running task: steps and jobs of the Web UI, or steps and nodes of a workflow."""

    sampling_step: int
    sampling_steps: int
    job_no: int
    job_count: int
    #: The node that runs, and its class.
    node: str
    class_type: str
    nodes_done: int
    nodes_total: int


class ModelTransfer(TypedDict):
    """Bytes of the models that a task waits for on its replica, and those that have come."""

    bytes: int
    bytes_done: int


class StartingReplica(TypedDict):
    """A replica that starts: its models are on their way, or its Web UI loads them."""

    phase: Literal["models", "webui"]
    models: ModelTransfer


class Wait(TypedDict):
    """What a waiting task waits for."""

    #: `turn`: the tasks before it; `replica`: a replica of its runtime, of which none runs.
    reason: Literal["turn", "replica"]
    #: Replicas of the runtime that run.
    replicas: int
    #: Replicas that start, up to five, while none runs. A node and its image come before a replica can report.
    starting: list[StartingReplica]


class ListedTask(TaskHead, TaskTimes):
    """A task of a listing."""

    #: Name of the key that sent it; null for the entry topic.
    key: str | None
    #: The first 300 characters of the prompt.
    prompt: str | None
    picture_count: int
    #: A link to the small form of the first picture.
    thumbnail: Link | None
    error_code: str | None


class ShownTask(ListedTask):
    """All that a caller may know of a task."""

    waits_for: Wait | None
    sampling: Sampling | None
    models: ModelTransfer | None
    #: A link to the newest preview of a running task's picture, if its policy asks for one.
    preview: Link | None
    attempts: int
    context: Any
    #: Fields of the request that Darkroom does not know and passes on.
    unknown_fields: list[str]
    #: The place of a waiting task in its queue, from 1; null if it is unknown.
    queue_position: int | None
    #: When a waiting task will probably begin; null if nothing measured says so.
    estimated_start_at: Moment | None
    output_location: str
    outputs: list[Output]
    #: The copies of the pictures at `metadata.output.destination` or `put_links`, in their order.
    deliveries: list[DeliveredCopy]
    #: The number of all pictures and the list of all outputs, if `outputs` does not hold them all.
    image_count: int | None
    manifest: Output | None
    error: TaskError | None
    webhook: WebhookTrace | None


class TaskPage(TypedDict):
    """Tasks of a listing, the newest first, and what to pass as `next` for those that follow."""

    tasks: list[ListedTask]
    next: str | None


#: Returns an https link to an `s3://` URI. The link works without a key.
Presign = Callable[[str], str]


def show_task(record: Record, *, output_bucket: str, presign: Presign, place: QueuePlace = NO_PLACE) -> ShownTask:
    """Return all that a caller may know of a task."""
    thumbnails = {number: presign(S3Location(output_bucket, key).uri) for number, key in record.thumbnail_keys.items()}
    outputs: list[Output] = [
        {
            "s3_url": uri,
            "url": presign(uri),
            "thumbnail": thumbnails.get(number),
        }
        for number, uri in enumerate(record.image_urls, 1)
    ]
    if record.output_url:
        outputs.append({"s3_url": record.output_url, "url": presign(record.output_url)})
    return {
        **_head(record.id, record.runtime, record.tasktype, record.status.value, record.progress_permille),
        **_times(record.submitted_at_ms, record.started_at_ms, record.completed_at_ms),
        "key": record.key_name,
        "prompt": record.prompt,
        "picture_count": record.picture_count or 0,
        "thumbnail": next(iter(thumbnails.values()), None),
        "error_code": record.error_code,
        "waits_for": None,
        "sampling": cast("Sampling | None", record.sampling),
        "models": cast("ModelTransfer | None", record.models),
        "preview": presign(record.preview_url) if record.preview_url else None,
        "attempts": record.attempts,
        "context": record.context_value,
        "unknown_fields": list(record.unknown_fields or ()),
        "queue_position": place.position,
        "estimated_start_at": optional_moment(place.estimated_start_at_ms),
        "output_location": output_location(output_bucket, record.prefix, record.id),
        "outputs": outputs,
        "deliveries": [{"url": each.url, "error": each.error} for each in record.deliveries],
        "image_count": record.image_count,
        "manifest": {"s3_url": manifest, "url": presign(manifest)} if (manifest := record.manifest_url) else None,
        "error": cast("TaskError | None", record.error),
        "webhook": webhook_trace(record),
    }


def show_listed(item: Mapping[str, Any], *, task_id: str, output_bucket: str, presign: Presign) -> ListedTask:
    """Return a task of a listing: what the index holds, and the id by which its reader knows it."""
    return {
        "key": item.get("key_name"),
        "prompt": item.get("prompt"),
        "picture_count": int(item.get("picture_count", 0)),
        "thumbnail": presign(S3Location(output_bucket, key).uri) if (key := _first_thumbnail(item)) else None,
        "error_code": item.get("error_code"),
        **_head(task_id, name_in(item["runtime"]), item["tasktype"], item["status"], item["progress_permille"]),
        **_times(item["submitted_at_ms"], item.get("started_at_ms"), item.get("completed_at_ms")),
    }


def _first_thumbnail(item: Mapping[str, Any]) -> str | None:
    """Return the key of the first thumbnail of a listed task."""
    if not item.get("thumbnails"):
        return None
    run = output_run(item["run"], int(item["attempts"]))
    return thumbnail_key(item["prefix"], name_in(item["id"]), run, int(item["thumbnails"][0]))


def webhook_trace(owner: Record | Batch) -> WebhookTrace | None:
    """Return the trace of the webhook of a task or a batch; None if it has none."""
    if owner.webhook is None:
        return None
    return {
        "state": WebhookState(owner.webhook_state or WebhookState.PENDING),
        "attempts": owner.webhook_attempts,
        "lastStatus": owner.webhook_last_status,
        "lastError": owner.webhook_last_error,
    }


def _head(task_id: str, runtime: str, tasktype: str, status: str, progress_permille: int) -> TaskHead:
    return {
        "id": task_id,
        "runtime": runtime,
        "tasktype": tasktype,
        "status": Status(status),
        "progress": int(progress_permille) / 1000,
    }


def _times(submitted_at_ms: int, started_at_ms: int | None, completed_at_ms: int | None) -> TaskTimes:
    delay_ms = int(started_at_ms - submitted_at_ms) if started_at_ms else None
    execution_ms = int(completed_at_ms - started_at_ms) if started_at_ms and completed_at_ms else None
    return {
        "submitted_at": moment(submitted_at_ms),
        "started_at": optional_moment(started_at_ms),
        "completed_at": optional_moment(completed_at_ms),
        "delay_ms": delay_ms,
        "execution_ms": execution_ms,
    }
