"""Record of a task in the task table: its states, their order, and its form in DynamoDB.

The record is the one commit point of a task. Only the conditional writes of `contract.transitions` change it, and its
stream makes the callback.
"""

import json
import zlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from contract.formats import original_error
from contract.json_values import compact_json
from contract.picture_list import PictureCopy
from contract.storage import output_run, thumbnail_key
from contract.tenancy import name_in, scoped, tenant_in


class Status(StrEnum):
    """State of a task, in RunPod's words."""

    IN_QUEUE = "IN_QUEUE"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    TIMED_OUT = "TIMED_OUT"


FINAL_STATUSES: Final = (Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT)
ACTIVE_STATUSES: Final = (Status.IN_QUEUE, Status.IN_PROGRESS)

#: Sender of what came by the entry topic of an environment without tenants.
ENTRY_TOPIC: Final = "entry-topic"
KEY_ATTRIBUTE: Final = "id"
#: DynamoDB deletes an item some time after this moment, in epoch seconds.
TTL_ATTRIBUTE: Final = "expires_at"
#: Keys of a record's `sampling`: the Web UI's own words, and the nodes of a workflow.
SAMPLING_KEYS: Final = (
    *("sampling_step", "sampling_steps", "job_no", "job_count"),
    *("node", "class_type", "nodes_done", "nodes_total"),
)
#: Keys of a record's `models`: the bytes of the models that a task waits for, and the bytes on the replica so far.
MODELS_KEYS: Final = ("bytes", "bytes_done")
#: Index that lists the tasks of a tenant at a runtime by time of submission; keys and the attributes of a listing only.
#: DynamoDB changes no index: what each of the four holds is fixed by its first deployment. Another attribute needs an
#: index of another name, and a deployment adds or removes one index at most.
RUNTIME_INDEX: Final = "by_runtime"
RUNTIME_INDEX_KEYS: Final = ("runtime", "submitted_at_ms")
RUNTIME_INDEX_ATTRIBUTES: Final = (
    "status",
    "tasktype",
    "started_at_ms",
    "completed_at_ms",
    "progress_permille",
    "retries",
    "key_name",
    "prompt",
    "error_code",
    "picture_count",
    "prefix",
    "run",
    "attempts",
    "thumbnails",
)
#: Characters of a prompt that its record keeps for listings. The index holds them once more.
MAX_LISTED_PROMPT: Final = 300
#: Sparse index of a runtime's waiting and running tasks by time of submission; final tasks are not in it.
ACTIVE_INDEX: Final = "by_active_runtime"
ACTIVE_INDEX_KEYS: Final = ("active_runtime", "submitted_at_ms")
ACTIVE_INDEX_ATTRIBUTES: Final = ("run", "status", "worker_id", "low_priority")
#: Sparse index of the tasks by the time of their next check; final tasks are not in it.
DUE_INDEX: Final = "by_due"
DUE_INDEX_KEYS: Final = ("due_shard", "due_at_ms")
#: Partitions of the due index: every transition writes it, and one partition takes 1,000 writes a second.
DUE_SHARDS: Final = 8
#: Sparse index of the generations that a Web UI client waits for, oldest first; final tasks are not in it.
SESSION_INDEX: Final = "by_session"
SESSION_INDEX_KEYS: Final = ("webui_session", "submitted_at_ms")
#: Deliveries of a task to its runtime. After three failures the task itself counts as broken.
MAX_ATTEMPTS: Final = 3
#: Earlier submissions of an id in its record. Redeliveries of their messages arrive within minutes, if at all.
MAX_EARLIER_SUBMISSIONS: Final = 10
#: Milliseconds after submission at which a task that was recorded but never published is published again. Longer
#: than any function runs, so the reaper never races the function that is about to publish.
PUBLISH_GRACE_MS: Final = 60_000
#: Milliseconds after which the reaper retries a task whose check failed. Otherwise tasks whose checks always fail would
#: use up the time of the others.
REAPER_RETRY_MS: Final = 300_000
#: Milliseconds after submission at which a task with a secret that was never published counts as lost. Only its own
#: message has the secret, and the intake queue delivers it every three minutes.
SECRET_GRACE_MS: Final = 600_000
#: Milliseconds after the end of a lease at which the reaper checks if the task is lost: time for the queue to
#: deliver the message again and for another replica to claim it.
LEASE_GRACE_MS: Final = 120_000


class SubmittedItem(BaseModel):
    """Item of the task table for what a caller submitted. Times are epoch milliseconds, `expires_at` epoch seconds."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)

    #: Its owner. In the table it is a part of `id` and `runtime`: every read and every list is one tenant's.
    tenant: str = Field(default="", exclude=True)
    id: str
    #: Sixteen hexadecimal digits; `run` in the table.
    run_id: str = Field(alias="run")
    #: Submission and fingerprint of the content. The same submission never runs twice. A submission with the content of
    #: the active item is the same item.
    submission_id: str
    fingerprint: str
    #: Name of the key of the HTTP API with which it was submitted; None for tasks of the entry topic.
    key_name: str | None = None
    #: JSON text of the sender's context: DynamoDB's own numbers would not come back unchanged.
    context: str = "null"
    webhook: str | None = None
    submitted_at_ms: int
    completed_at_ms: int | None = None
    due_shard: str | None = None
    #: When the reaper checks it; `due_at_ms` in the table.
    next_check_at_ms: int | None = Field(default=None, alias="due_at_ms")
    #: Deliveries of the webhook: `contract.webhook.WebhookState`, attempts, and the HTTP status of the last attempt or
    #: the reason why no status arrived.
    webhook_state: str | None = None
    webhook_attempts: int = 0
    webhook_last_status: int | None = None
    webhook_last_error: str | None = None
    expires_at: int | None = None

    @property
    def context_value(self) -> Any:
        """The sender's context, unchanged."""
        return json.loads(self.context)


class Record(SubmittedItem):
    """One task in the task table."""

    status: Status
    #: The runtime that executes the task, and the one that the sender wrote, if it is another.
    runtime: str
    requested_runtime: str | None = None
    tasktype: str
    format: str
    prefix: str
    #: Endpoint of the Web UI that the task calls, without leading slash; empty if it calls none.
    endpoint: str = ""
    #: The batch that it was sent in, and its number there.
    batch: str | None = None
    batch_number: int | None = None
    #: The beginning of the prompt, for listings.
    prompt: str | None = None
    checkpoint: str | None = None
    requested_checkpoint: str | None = None
    #: Fields that the sender wrote elsewhere, as for `contract.formats.original_field`.
    moved_fields: dict[str, str] | None = None
    #: Fields that Darkroom does not know and passes on, as the sender wrote them.
    unknown_fields: tuple[str, ...] | None = None
    #: Submissions of the earlier runs of this id, the latest last. Their redeliveries start no run.
    earlier_submission_ids: tuple[str, ...] = ()
    #: The message body of the task topic, or its key in the task bucket.
    message: str | None = None
    message_key: str | None = None
    #: True if the published message has a secret, which is not stored.
    has_secret: bool | None = None
    execution_timeout_ms: int
    ttl_ms: int
    low_priority: bool = False
    published_at_ms: int | None = None
    started_at_ms: int | None = None
    lease_owner: str | None = None
    lease_expires_at_ms: int | None = None
    #: The replica that claimed this run last; it stays when the run ends.
    worker_id: str | None = None
    #: How often a replica has claimed this run.
    attempts: int = 0
    #: How often the sender retried the task, as another run of the same content.
    retries: int = 0
    progress_permille: int = 0
    #: Known progress of the sampling of a running task: `SAMPLING_KEYS`.
    sampling: dict[str, int | str] | None = None
    #: Progress of the models that a task waits for on its replica: `MODELS_KEYS`.
    models: dict[str, int] | None = None
    #: The preview of a running task's picture, if its policy asks for one: an `s3://` URI.
    preview_url: str | None = None
    #: When the caller asked to finish the generation with the picture as it is, as the Web UI's `interrupt` does.
    interrupted_at_ms: int | None = None
    #: When a caller received the output as the last part of a stream (`/v2/{runtime}/stream/{id}`).
    streamed_at_ms: int | None = None
    image_urls: tuple[str, ...] = ()
    #: For listings: the number of all pictures, and the code of the error.
    picture_count: int | None = None
    error_code: str | None = None
    #: The number of the pictures and the `s3://` URI of the list of them all, if `image_urls` does not name them all.
    image_count: int | None = None
    manifest_url: str | None = None
    output_url: str | None = None
    #: Numbers of the pictures that have a thumbnail, counted from 1.
    thumbnails: tuple[int, ...] = ()
    #: The copies of the pictures at the destination that the sender named.
    deliveries: tuple[PictureCopy, ...] = ()
    error: dict[str, Any] | None = None
    #: Why the last attempt released the task; becomes the error if no attempt succeeds.
    last_error: dict[str, Any] | None = None
    #: Deliveries that callers asked for after the first one.
    webhook_redeliveries: int = 0
    #: The runtime again, while the run is active.
    active_runtime: str | None = None
    #: The session of a Web UI client that waits for this run; removed at its end.
    webui_session: str | None = None

    @property
    def key(self) -> str:
        """Key of the task in the table."""
        return scoped(self.tenant, self.id)

    @property
    def sent_to(self) -> str:
        """The runtime that the sender wrote, which answers and callbacks name."""
        return self.requested_runtime or self.runtime

    @property
    def thumbnail_keys(self) -> dict[int, str]:
        """Keys in the output bucket of the thumbnails, by the numbers of their pictures."""
        run = output_run(self.run_id, self.attempts)
        return {number: thumbnail_key(self.prefix, self.id, run, number) for number in self.thumbnails}

    @property
    def sender(self) -> str:
        """The key or tenant that sent it: the message group by which fair queues serve all senders alike."""
        return self.key_name or self.tenant or ENTRY_TOPIC

    @property
    def is_final(self) -> bool:
        """Return True if no later write may change the status."""
        return self.status in FINAL_STATUSES

    def has_begun(self, submission_id: str) -> bool:
        """Return True if a submission has begun this run, or an earlier one of its id."""
        return submission_id in {self.submission_id, *self.earlier_submission_ids}

    def to_item(self) -> dict[str, Any]:
        """Return the item in the plain Python values of boto3's resource layer, without empty fields."""
        item = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        item |= {"id": self.key, "runtime": scoped(self.tenant, self.runtime)}
        for field in ("error", "last_error"):
            if field in item:
                item[field] = compact_json(item[field])
        return item

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Record":
        """Read an item as boto3's resource layer returns it."""
        values = dict(item)
        values["tenant"] = tenant_in(values["id"])
        values |= {name: name_in(values[name]) for name in ("id", "runtime")}
        for field in ("error", "last_error"):
            if isinstance(values.get(field), str):
                moved = values.get("moved_fields") or {}
                values[field] = original_error(json.loads(values[field]), values["format"], moved)
        return cls.model_validate(values)


def is_task(item: Mapping[str, Any]) -> bool:
    """Return True for a record, False for a batch or an item of `task_store.active_runs` or `contract.heartbeat`."""
    return "tasktype" in item


def due_shard(task_key: str) -> str:
    """Return the partition of the due index for a task."""
    return str(zlib.crc32(task_key.encode()) % DUE_SHARDS)


def listed_prompt(content: Mapping[str, Any]) -> str | None:
    """Return the beginning of a task's prompt, if its content has one."""
    called = content.get("payload", content)
    prompt = called.get("prompt") if isinstance(called, Mapping) else None
    if not isinstance(prompt, str) or not prompt:
        return None
    # Half a surrogate pair is no text for DynamoDB.
    return prompt[:MAX_LISTED_PROMPT].encode(errors="backslashreplace").decode()[:MAX_LISTED_PROMPT]
