"""Typed client of Darkroom's HTTP API, for programs that block and for asyncio.

client = darkroom.Client()
task = client.wait(client.submit("A dog", width=512, height=512))
client.save(task, "out")
"""

from typing import TYPE_CHECKING, Any

from darkroom.batch_snapshot import BatchSnapshot, TaskInBatch
from darkroom.client import Client
from darkroom.errors import (
    DeadlinePassed,
    Error,
    KeyNotAccepted,
    NoSuchTask,
    NotConfigured,
    RefusedField,
    RequestRefused,
    TaskConflict,
    TaskNotCompleted,
    TooManyRequests,
    Unavailable,
    UnusableInput,
)
from darkroom.pictures import FetchedPicture
from darkroom.task_snapshot import AcceptedTask, OutputFile, TaskSnapshot

if TYPE_CHECKING:
    from darkroom.async_client import AsyncClient

__all__ = [
    "AcceptedTask",
    "AsyncClient",
    "BatchSnapshot",
    "Client",
    "DeadlinePassed",
    "Error",
    "FetchedPicture",
    "KeyNotAccepted",
    "NoSuchTask",
    "NotConfigured",
    "OutputFile",
    "RefusedField",
    "RequestRefused",
    "TaskConflict",
    "TaskInBatch",
    "TaskNotCompleted",
    "TaskSnapshot",
    "TooManyRequests",
    "Unavailable",
    "UnusableInput",
]


def __getattr__(name: str) -> Any:
    """Import the client for asyncio when it is used, because asyncio takes a tenth of the command line's start."""
    if name == "AsyncClient":
        from darkroom.async_client import AsyncClient

        return AsyncClient
    raise AttributeError(f"module 'darkroom' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names of the package with the client for asyncio, which shells complete."""
    return sorted({*globals(), *__all__})
