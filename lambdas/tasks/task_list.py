"""List of the newest tasks across runtimes: one sorted index per runtime, merged page by page."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from contract.errors import FieldError, InvalidTask
from contract.record import ACTIVE_STATUSES, Status
from contract.routing import Catalogue
from contract.task import ID_PATTERN
from contract.tenancy import Tenant, name_in, scoped, tenant_in
from lambdas.http.query import read_number
from lambdas.tasks.task_view import ListedTask, Presign, TaskPage, show_listed
from task_store.repository import TaskRepository

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 100
#: Items of the first read of each partition in a filtered listing, because many tasks match the usual filters.
FIRST_READ_SIZE: Final = MAX_LIMIT
#: Items of each further read. A listed task has about 500 bytes, and a read returns 1 MB at most.
READ_SIZE: Final = 1000
#: Further reads of one response, for all partitions together. A function needs some 0.2 s for each, and API Gateway
#: gives up after 29 s. What is rare may need more. The response then holds the tasks that were found, and `next`.
MAX_READS: Final = 20
#: Characters of a text that a listing searches for.
MAX_TEXT_LENGTH: Final = 200

KEY_NAME: Final = re.compile(r"[a-z0-9-]{1,40}")

#: Milliseconds since the epoch at the end of the year 9999.
MAX_EPOCH_MS: Final = 253_402_300_799_999

#: Position in a runtime's tasks: time of submission and id of the last listed task, None if all were listed.
Position = tuple[int, str] | None


@dataclass(frozen=True)
class ListQuery:
    """Parsed query. `positions` has the runtimes, each with its tenant, of which an earlier page has listed a task."""

    runtimes: Sequence[str]
    #: Attributes that a task must have, and the text that its id or prompt must contain, in lower case.
    where: Mapping[str, str]
    text: str
    limit: int
    positions: Mapping[str, Position]


def parse_query(parameters: Mapping[str, str] | None, catalogue: Catalogue) -> ListQuery:
    """Parse the query parameters; raises InvalidTask with every broken one."""
    given = dict(parameters or {})
    errors: list[FieldError] = []
    runtime = given.pop("runtime", None)
    if runtime is not None and isinstance(found := catalogue.find(runtime), FieldError):
        errors.append(replace(found, field="runtime"))
    status = given.pop("status", None)
    if status is not None and status not in list(Status):
        errors.append(FieldError("status", f"is {status[:40]!r}; write any of {', '.join(Status)}"))
    key = given.pop("key", None)
    if key is not None and not KEY_NAME.fullmatch(key):
        errors.append(FieldError("key", f"is {key[:40]!r}; write the name of a key, as the environment file has it"))
    text = given.pop("text", "")
    if len(text) > MAX_TEXT_LENGTH:
        errors.append(FieldError("text", f"has {len(text)} characters; {MAX_TEXT_LENGTH} are allowed"))
    limit = read_number(given.pop("limit", str(DEFAULT_LIMIT)), "limit", MAX_LIMIT, errors)
    token = given.pop("next", None)
    positions = _positions(token) if token is not None else {}
    if positions is None:
        errors.append(FieldError("next", "is not what an earlier answer gave as next; leave it out to begin anew"))
    known = "runtime, status, key, text, limit, next"
    errors += [FieldError(name[:40], f"is not a parameter of this call; write any of {known}") for name in given]
    if errors:
        raise InvalidTask(errors)
    where = {"status": status, "key_name": key}
    return ListQuery(
        runtimes=[runtime] if runtime else sorted(catalogue.runtimes),
        where={name: value for name, value in where.items() if value},
        text=text.strip().lower(),
        limit=limit,
        positions=positions or {},
    )


def list_tasks(
    query: ListQuery, *, repository: TaskRepository, tenant: Tenant, output_bucket: str, presign: Presign
) -> TaskPage:
    """Return one page of the tasks that a tenant sees, the newest first, and `next` if more may follow."""
    since_ms = _beginnings(query, repository)
    partitions = {scoped(owner, runtime): since_ms[runtime] for owner in tenant.visible for runtime in since_ms}
    further_reads = iter(range(MAX_READS))
    streams = [
        _Stream(name, query, repository=repository, since_ms=since, further_reads=further_reads)
        for name, since in partitions.items()
        if query.positions.get(name, ()) is not None
    ]
    tasks: list[ListedTask] = []
    while len(tasks) < query.limit:
        heads = [stream.head() for stream in streams]
        # A stream without a read left may hold newer tasks than the heads of the others.
        if any(head is None and not stream.ended for head, stream in zip(heads, streams, strict=True)):
            break
        newest = max(
            (head for head in heads if head), key=lambda item: (item["submitted_at_ms"], item["id"]), default=None
        )
        if newest is None:
            break
        next(stream for stream in streams if stream.partition == newest["runtime"]).advance()
        task_id = tenant.id_of(newest["id"])
        tasks.append(show_listed(newest, task_id=task_id, output_bucket=output_bucket, presign=presign))
    if all(stream.ended for stream in streams):
        return {"tasks": tasks, "next": None}
    shown = {stream.partition: stream.position for stream in streams if stream.started}
    return {"tasks": tasks, "next": _token({**query.positions, **shown})}


def _beginnings(query: ListQuery, repository: TaskRepository) -> dict[str, int]:
    """Return the time of submission from which on each runtime can have a task of the list.

    A list of active tasks ends at the oldest one. Otherwise it would search the finished tasks of months.
    """
    if query.where.get("status") not in ACTIVE_STATUSES:
        return dict.fromkeys(query.runtimes, 0)
    oldest = {runtime: repository.oldest_active(runtime, limit=1) for runtime in query.runtimes}
    return {runtime: runs[0].submitted_at_ms for runtime, runs in oldest.items() if runs}


class _Stream:
    """Tasks of one tenant at one runtime from a position on. Each page is read when it is needed.

    The streams of a response share its `further_reads`, of which the first read of each stream is not one.
    """

    def __init__(
        self,
        partition: str,
        query: ListQuery,
        *,
        repository: TaskRepository,
        since_ms: int,
        further_reads: Iterator[int],
    ) -> None:
        self.partition = partition
        self._since_ms = since_ms
        self._repository = repository
        self._where = query.where
        self._text = query.text
        self._is_filtered = bool(query.where or query.text)
        self._limit = query.limit
        self._further_reads = further_reads
        self._has_read = False
        position = query.positions.get(partition)
        #: Key before the first of `_items`, and key of the last task that was read.
        self._taken = _key(partition, *position) if position else None
        self._read = self._taken
        self._items: list[dict[str, Any]] = []
        self._exhausted = False

    @property
    def ended(self) -> bool:
        """Return True if every task was listed."""
        return self._exhausted and not self._items

    @property
    def started(self) -> bool:
        """Return False while the next page would begin with the newest task again."""
        return self.ended or self._next_key is not None

    @property
    def position(self) -> Position:
        """Return the position where the next page continues."""
        key = self._next_key
        return None if self.ended or key is None else (int(key["submitted_at_ms"]), name_in(key["id"]))

    @property
    def _next_key(self) -> dict[str, Any] | None:
        return self._taken if self._items else self._read

    def head(self) -> dict[str, Any] | None:
        """Return the newest task that is not listed yet; None at the end or without a read left."""
        while not self._items and not self._exhausted and (size := self._next_read_size()):
            self._has_read = True
            self._taken = self._read
            found, self._read = self._repository.newest(
                self.partition, since_ms=self._since_ms, where=self._where, limit=size, start_key=self._read
            )
            self._items = [item for item in found if self._has_text(item)]
            self._exhausted = self._read is None
        return self._items[0] if self._items else None

    def _next_read_size(self) -> int:
        """Return the number of items of the next read, 0 if the response has no read left."""
        if self._has_read and next(self._further_reads, None) is None:
            return 0
        if not self._is_filtered:
            return self._limit
        return READ_SIZE if self._has_read else FIRST_READ_SIZE

    def _has_text(self, item: Mapping[str, Any]) -> bool:
        # DynamoDB would compare upper and lower case.
        return self._text in name_in(item["id"]).lower() or self._text in item.get("prompt", "").lower()

    def advance(self) -> None:
        """Move past the newest task."""
        item = self._items.pop(0)
        self._taken = _key(self.partition, item["submitted_at_ms"], name_in(item["id"]))


def _key(partition: str, submitted_at_ms: int, task_id: str) -> dict[str, Any]:
    return {"runtime": partition, "submitted_at_ms": submitted_at_ms, "id": scoped(tenant_in(partition), task_id)}


def _token(positions: Mapping[str, Position]) -> str:
    return base64.urlsafe_b64encode(json.dumps(positions, separators=(",", ":")).encode()).decode().rstrip("=")


def _positions(token: str) -> dict[str, Position] | None:
    try:
        value = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    positions: dict[str, Position] = {}
    for name, position in value.items():
        match position:
            case None:
                positions[name] = None
            case [int(submitted_at_ms), str(task_id)] if (
                # DynamoDB would refuse any other key, so it cannot come from an earlier response.
                not isinstance(submitted_at_ms, bool)
                and 0 <= submitted_at_ms <= MAX_EPOCH_MS
                and ID_PATTERN.fullmatch(task_id)
            ):
                positions[name] = (submitted_at_ms, task_id)
            case _:
                return None
    return positions
