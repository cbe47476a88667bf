"""Lease of a replica on a run, and the errors of a write that the lease no longer allows."""

from collections.abc import Mapping
from typing import NamedTuple


class Lease(NamedTuple):
    """A claimed run and the owner under whose name the record holds it."""

    task_key: str
    run_id: str
    #: The replica, a slash, and a name for this delivery of the message.
    owner: str


class ProgressReport(NamedTuple):
    """Progress of a claimed task."""

    #: 0 to 1000.
    permille: int
    #: The known values of `contract.record.SAMPLING_KEYS`.
    sampling: Mapping[str, int | str]
    #: The `s3://` URI of the newest preview, if there is one.
    preview_url: str | None = None
    #: The known values of `contract.record.MODELS_KEYS` while the task waits for its models.
    models: Mapping[str, int] | None = None


class LeaseLost(Exception):
    """Raised when the record does not allow a write of this replica: the run is final, or another replica's."""


class TaskCancelled(LeaseLost):
    """Raised when the record does not allow a write because its sender cancelled this run."""
