"""Vocabulary of generation engines: errors, progress, models, inputs and outputs, for engines and for the agent."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from contract.errors import DarkroomError
from contract.webui_values import begins_as_link
from contract.work import Size
from runtime_image.process.regular_file import open_regular


class EngineRefused(DarkroomError):
    """Base of errors for which the request itself is the cause."""


class EngineFailed(DarkroomError):
    """Base of errors of the machine: the same request may succeed elsewhere or later."""

    retryable = True


class EngineUnreachable(EngineFailed):
    """Base of errors for a missing answer: connection refused, cut, or silent for too long."""


class EngineNotReached(EngineUnreachable):
    """Base of errors for a call that was not sent: the engine has just ended, or it starts."""


class EngineBroken(EngineFailed):
    """Base of errors that only a restart of the engine cures."""


class SuspectFailure(EngineFailed):
    """Base of failures that the task may have caused: a second one in a row fails it.

    The engine is not blamed, unless it is unreachable or broken as well.
    """


class UnclearFailure(DarkroomError):
    """Base of answers that the request or the engine may have caused; a trial finds out which."""

    retryable = True


class UnknownModel(DarkroomError):
    """Raised when neither the engine nor the model bucket has the checkpoint; the message lists the known ones."""

    code = "unknown_model"


class NoPictures(DarkroomError):
    """Raised when the request itself made the engine answer without pictures."""

    code = "no_images"


@dataclass(frozen=True)
class Progress:
    """One answer of the engine about its progress."""

    #: Monotonic seconds before the question was sent.
    asked_at: float
    #: 0..1; never reaches 1.
    fraction: float
    #: True if the last event of the running (or last) job was an interrupt.
    interrupted: bool
    busy: bool
    #: Changes with every step, pass, batch and run.
    position: tuple[object, ...] = ()
    #: Begin of the run, to the second.
    began_at: str = ""
    #: Job of the run and step of the job; both only grow within a run.
    reached: tuple[int, int] = (0, 0)
    #: True once a step of the running job is done.
    has_stepped: bool = False
    #: The known values of `contract.record.SAMPLING_KEYS`, for the task's record.
    sampling: Mapping[str, int | str] = field(default_factory=dict)
    #: The running call, if the engine names it.
    call: object | None = None
    #: The preview of the picture, base64, if it was asked for and exists.
    picture: str | None = None

    def is_of_another_run(self, earlier: "Progress") -> bool:
        """Return True if an earlier answer was about another run."""
        return self.began_at != earlier.began_at or self.reached < earlier.reached


@dataclass(frozen=True)
class ModelReference:
    """A model that a request needs: its folder below the models folder, and its name there."""

    folder: str
    name: str
    #: True if the task needs it in any case. Other names may be in the image; the engine's own lists decide.
    is_required: bool = False
    #: Folders in which it may be instead, by their order.
    further_folders: tuple[str, ...] = ()


NO_SIZE: Final = Size(0, 0)


class InputKind(StrEnum):
    """Kinds of files that a task brings. The engine decides which kind a field takes."""

    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    FILE = "file"


@dataclass(frozen=True)
class InputReference:
    """One link or encoded file, as the sender wrote it, and its path below the body (`init_images[0]`)."""

    field: str
    text: str
    kind: InputKind = InputKind.IMAGE

    @property
    def is_link(self) -> bool:
        """Return True if it must be fetched."""
        return begins_as_link(self.text)


class InputFile(NamedTuple):
    """A checked file as the engine gets it."""

    data: bytes
    #: Of an image.
    size: Size = NO_SIZE


@dataclass(frozen=True)
class MadeFile:
    """One file as the engine made it, byte for byte: a picture or another medium, in memory or on the disk."""

    content: bytes | Path
    extension: str
    content_type: str
    #: Node of the workflow that made it, its kind, and its name at the engine; empty if the engine has no such names.
    node_id: str = ""
    kind: str = ""
    filename: str = ""

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    def opened(self) -> AbstractContextManager[bytes | BinaryIO]:
        """Return the bytes, or the open file on the disk. A large file is never in memory as a whole."""
        return nullcontext(self.content) if isinstance(self.content, bytes) else open_regular(self.content)


@dataclass(frozen=True)
class Outputs:
    """Parts of an answer that are stored."""

    files: tuple[MadeFile, ...]
    #: The answer without image data, JSON.
    response: bytes

    def response_with(self, urls: Sequence[str]) -> bytes:  # noqa: ARG002 - for engines whose answer lists its files
        """Return the response once the files have these addresses."""
        return self.response
