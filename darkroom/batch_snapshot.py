"""Batches as the API shows them: typed views of its JSON documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from darkroom.task_snapshot import moment

#: Status of a batch with active tasks.
_ACTIVE = "IN_PROGRESS"


@dataclass(frozen=True)
class BatchSnapshot:
    """One batch at one moment; `document` is the API's whole answer."""

    id: str
    status: str
    tasks: int
    #: Number of tasks in each state: active, completed, failed, cancelled, timed_out and refused.
    counts: Mapping[str, int]
    #: Share of the tasks that have ended, from 0 to 1.
    progress: float
    estimated_end_at: datetime | None
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def is_final(self) -> bool:
        """Return True if all tasks have ended."""
        return self.status != _ACTIVE

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the view of a document."""
        return cls(
            id=document["id"],
            status=document["status"],
            tasks=document["tasks"],
            counts=document["counts"],
            progress=document["progress"],
            estimated_end_at=moment(document["estimated_end_at"]),
            document=document,
        )


@dataclass(frozen=True)
class TaskInBatch:
    """One task of a batch. `Client.get` returns all of it by its id, unless its submission was refused."""

    number: int
    id: str
    #: active, completed, failed, cancelled, timed_out or refused.
    state: str
    document: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the view of a document."""
        return cls(number=document["number"], id=document["id"], state=document["state"], document=document)
