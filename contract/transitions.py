"""Writes of a task's record, as arguments of DynamoDB's PutItem and UpdateItem (without the table).

Each write carries the condition that allows it. A late or repeated write cannot change a final state, run a task
twice at a time, or change another run of the same id. A refused write fails with `ConditionalCheckFailedException`:
read the record to learn why.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from contract.conditional_update import Request, status_in, update
from contract.json_values import compact_json
from contract.lease import Lease, ProgressReport
from contract.picture_list import PictureCopy, fitting_error
from contract.record import (
    ACTIVE_STATUSES,
    FINAL_STATUSES,
    LEASE_GRACE_MS,
    MAX_ATTEMPTS,
    MODELS_KEYS,
    PUBLISH_GRACE_MS,
    SAMPLING_KEYS,
    Record,
    Status,
    due_shard,
)

#: Attributes of a running task. They are removed when the task is released or finished.
_ONLY_WHILE_RUNNING: Final = ("sampling", "models", "preview_url")


@dataclass(frozen=True)
class Outcome:
    """Final state of a run, with its outputs or its error."""

    status: Status
    image_urls: tuple[str, ...] = ()
    output_url: str | None = None
    error: dict[str, Any] | None = field(default=None)
    #: As in the record, if `image_urls` does not name all pictures.
    image_count: int | None = None
    manifest_url: str | None = None
    #: Numbers of the pictures that have a thumbnail.
    thumbnails: tuple[int, ...] = ()
    deliveries: tuple[PictureCopy, ...] = ()

    def __post_init__(self) -> None:
        if self.status not in FINAL_STATUSES:
            raise ValueError(f"{self.status} is not a final state")
        if (self.error is None) != (self.status is Status.COMPLETED):
            raise ValueError("a run that did not complete has an error, and only that")


def create(record: Record, *, after: Record | None = None) -> Request:
    """Record a new run: of an id without a record, or `after` the final run that was read, if it is unchanged."""
    indexed: dict[str, Any] = {"due_shard": due_shard(record.key), "active_runtime": record.runtime}
    indexed["next_check_at_ms"] = record.submitted_at_ms + PUBLISH_GRACE_MS
    item = record.model_copy(update=indexed).to_item()
    if after is None:
        return {"Item": item, "ConditionExpression": "attribute_not_exists(id)"}
    if record.run_id == after.run_id or after.has_begun(record.submission_id):
        raise ValueError("a new run has its own digits and its own submission")
    condition, values = status_in(FINAL_STATUSES)
    return {
        "Item": item,
        "ConditionExpression": f"{condition} AND run = :run AND submission_id = :submission_id",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": values | {":run": after.run_id, ":submission_id": after.submission_id},
    }


def mark_published(record: Record, *, now_ms: int) -> Request:
    """Record that the message of a waiting run is on the task topic; the reaper checks it at the end of its `ttl`."""
    return update(
        record.key,
        set_={"published_at_ms": now_ms, "due_at_ms": record.submitted_at_ms + record.ttl_ms},
        where="run = :run AND #status = :queued AND attribute_not_exists(published_at_ms)",
        values={":run": record.run_id, ":queued": Status.IN_QUEUE.value},
    )


def claim(lease: Lease, *, now_ms: int, lease_ms: int) -> Request:
    """Claim a run that waits, or whose lease has expired, and that has an attempt left.

    A run may have several messages, each with all the deliveries of its queue. So their number alone is no limit.
    """
    unleased = _unleased(lease.run_id, now_ms)
    return update(
        lease.task_key,
        set_={
            "#status": Status.IN_PROGRESS.value,
            "lease_owner": lease.owner,
            "worker_id": lease.owner.partition("/")[0],
            "started_at_ms": now_ms,
            "progress_permille": 0,
            **_until(now_ms + lease_ms),
        },
        add={"attempts": 1},
        remove=_ONLY_WHILE_RUNNING,
        where=f"{unleased['where']} AND attempts < :max_attempts",
        values={**unleased["values"], ":max_attempts": MAX_ATTEMPTS},
    )


def renew(lease: Lease, *, now_ms: int, lease_ms: int) -> Request:
    """Renew the lease on a run. A refusal means that the run was cancelled, timed out or claimed by another replica."""
    return update(lease.task_key, set_=_until(now_ms + lease_ms), **_held(lease))


def report_progress(lease: Lease, report: ProgressReport) -> Request:
    """Write the progress of a claimed run; refused after its end. Without a `preview_url` an earlier one stays."""
    set_: dict[str, Any] = {"progress_permille": report.permille}
    remove = []
    reported = (("sampling", report.sampling, SAMPLING_KEYS), ("models", report.models or {}, MODELS_KEYS))
    for name, values, known in reported:
        if unknown := values.keys() - set(known):
            raise ValueError(f"a record has no {', '.join(sorted(unknown))}")
        if values:
            set_[name] = dict(values)
        else:
            remove.append(name)
    if report.preview_url:
        set_["preview_url"] = report.preview_url
    return update(lease.task_key, set_=set_, remove=tuple(remove), **_held(lease))


def interrupt(task_key: str, run_id: str, *, now_ms: int) -> Request:
    """Ask the replica of a running task to finish it with the picture as it is."""
    return update(
        task_key,
        set_={"interrupted_at_ms": now_ms},
        where="run = :run AND #status = :running",
        values={":run": run_id, ":running": Status.IN_PROGRESS.value},
    )


def release(lease: Lease, *, now_ms: int, next_check_at_ms: int, error: dict[str, Any] | None) -> Request:
    """Release a claimed run to the queue. `error` becomes the error of the run if no later attempt succeeds.

    `next_check_at_ms` is the end of the run's `ttl`, at which the reaper checks a task that still waits. A task whose
    `ttl` ended while it ran gets time for one more delivery.
    """
    values = {"#status": Status.IN_QUEUE.value, "due_at_ms": max(next_check_at_ms, now_ms + LEASE_GRACE_MS)}
    if error:
        values["last_error"] = compact_json(fitting_error(error))
    return update(
        lease.task_key,
        set_=values,
        remove=("lease_owner", "lease_expires_at_ms", "started_at_ms", *_ONLY_WHILE_RUNNING),
        **_held(lease),
    )


def release_unleased(task_key: str, run_id: str, *, now_ms: int) -> Request:
    """Let a run without a valid lease wait again, as if never published."""
    return update(
        task_key,
        set_={"#status": Status.IN_QUEUE.value, "due_at_ms": now_ms + PUBLISH_GRACE_MS},
        remove=("lease_owner", "lease_expires_at_ms", "started_at_ms", "published_at_ms", *_ONLY_WHILE_RUNNING),
        **_unleased(run_id, now_ms),
    )


def defer(task_key: str, *, now_ms: int, next_check_at_ms: int) -> Request:
    """Postpone the next check of a due task, whatever its state."""
    return update(
        task_key,
        set_={"due_at_ms": next_check_at_ms},
        where="due_at_ms <= :now",
        values={":now": now_ms},
    )


def finish(lease: Lease, outcome: Outcome, *, now_ms: int, retention_seconds: int) -> Request:
    """End a claimed run. This is the commit point: the outputs are stored before, the message is deleted after."""
    return _end(lease.task_key, outcome, now_ms, retention_seconds, **_held(lease))


def finish_active(
    task_key: str,
    run_id: str,
    outcome: Outcome,
    *,
    now_ms: int,
    retention_seconds: int,
    expected: Iterable[Status] = ACTIVE_STATUSES,
) -> Request:
    """End an active run from outside: cancelled by its owner, expired, or failed by the dead-letter queue.

    `expected` restricts the states of the run.
    """
    condition, values = status_in(expected)
    return _end(
        task_key,
        _unfinished(outcome),
        now_ms,
        retention_seconds,
        where=f"run = :run AND {condition}",
        values={":run": run_id, **values},
    )


def mark_streamed(task_key: str, run_id: str, *, now_ms: int) -> Request:
    """Record that the output of a completed run was the last part of a stream, which happens once."""
    return update(
        task_key,
        set_={"streamed_at_ms": now_ms},
        where="run = :run AND #status = :completed AND attribute_not_exists(streamed_at_ms)",
        values={":run": run_id, ":completed": Status.COMPLETED.value},
    )


def finish_unleased(task_key: str, run_id: str, outcome: Outcome, *, now_ms: int, retention_seconds: int) -> Request:
    """End a run without a valid lease: it waits, or its lease has expired."""
    return _end(task_key, _unfinished(outcome), now_ms, retention_seconds, **_unleased(run_id, now_ms))


def _end(
    task_key: str, outcome: Outcome, now_ms: int, retention_seconds: int, *, where: str, values: dict[str, Any]
) -> Request:
    set_: dict[str, Any] = {
        "#status": outcome.status.value,
        "completed_at_ms": now_ms,
        "expires_at": now_ms // 1000 + retention_seconds,
        "image_urls": list(outcome.image_urls),
    }
    known: dict[str, Any] = {
        "output_url": outcome.output_url,
        "image_count": outcome.image_count,
        "manifest_url": outcome.manifest_url,
        "picture_count": outcome.image_count or len(outcome.image_urls),
        "error_code": (outcome.error or {}).get("code"),
    }
    set_ |= {name: value for name, value in known.items() if value}
    if outcome.thumbnails:
        set_["thumbnails"] = list(outcome.thumbnails)
    if outcome.deliveries:
        set_["deliveries"] = [delivery.model_dump() for delivery in outcome.deliveries]
    if outcome.error:
        set_["#error"] = compact_json(fitting_error(outcome.error))
    if outcome.status is Status.COMPLETED:
        set_["progress_permille"] = 1000
    indexed = ("active_runtime", "due_shard", "due_at_ms", "webui_session")
    remove = (*indexed, "lease_owner", "lease_expires_at_ms", "last_error", *_ONLY_WHILE_RUNNING)
    return update(task_key, set_=set_, remove=remove, where=where, values=values)


def _unfinished(outcome: Outcome) -> Outcome:
    if outcome.status is Status.COMPLETED:
        raise ValueError("only the replica that holds a run can complete it")
    return outcome


def _until(expires_at_ms: int) -> dict[str, int]:
    return {"lease_expires_at_ms": expires_at_ms, "due_at_ms": expires_at_ms + LEASE_GRACE_MS}


def _unleased(run_id: str, now_ms: int) -> dict[str, Any]:
    return {
        "where": "run = :run AND (#status = :queued OR (#status = :running AND lease_expires_at_ms < :now))",
        "values": {
            ":run": run_id,
            ":queued": Status.IN_QUEUE.value,
            ":running": Status.IN_PROGRESS.value,
            ":now": now_ms,
        },
    }


def _held(lease: Lease) -> dict[str, Any]:
    return {
        "where": "run = :run AND #status = :running AND lease_owner = :owner",
        "values": {":run": lease.run_id, ":owner": lease.owner, ":running": Status.IN_PROGRESS.value},
    }
