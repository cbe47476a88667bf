"""Vocabulary of generation engines: errors, progress, models and outputs, for engines' clients and for the agent."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contract.errors import DarkroomError


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
    """Base of failures that the task may have caused: a second one in a row fails it. The engine is not blamed."""


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
    """One answer of the engine's progress call. It bears no task's name."""

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
    sampling: Mapping[str, int] = field(default_factory=dict)
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


@dataclass(frozen=True)
class Picture:
    """One file as the engine made it, byte for byte."""

    data: bytes
    extension: str
    content_type: str


@dataclass(frozen=True)
class Outputs:
    """Parts of an answer that are stored."""

    pictures: tuple[Picture, ...]
    #: The answer without image data, JSON.
    response: bytes
