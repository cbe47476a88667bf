"""Errors of the SD Web UI, a class for each reason."""

import re
from typing import Any, Final

from contract.errors import WEBUI_RESPONSE, DarkroomError
from runtime_image.process.engine import (
    EngineBroken,
    EngineFailed,
    EngineNotReached,
    EngineRefused,
    EngineUnreachable,
    SuspectFailure,
    UnclearFailure,
)

_NUMBERS: Final = re.compile(r"0x[0-9a-f]+|\d+")


class UnsupportedTask(DarkroomError):
    """Raised when the Web UI has no call for the kind of task."""

    code = "unsupported_task"


class OtherSampler(DarkroomError):
    """Raised when the Web UI made the pictures with another sampler than the requested one.

    Permanent: the name was in its list, so every replica of this build would do the same again.
    """

    code = "other_sampler"


class WebUiError(DarkroomError):
    """Base of errors of the Web UI; `answer` is its response (status and body), if it gave one."""

    def __init__(self, message: str, *, answer: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.answer = answer

    def as_dict(self) -> dict[str, Any]:
        """Return the error with the Web UI's answer."""
        return super().as_dict() | ({WEBUI_RESPONSE: self.answer} if self.answer else {})


class WebUiRefused(WebUiError, EngineRefused):
    """Raised when the Web UI refuses or fails a request by the request's own fault."""

    code = "webui_refused"


class WebUiFailed(WebUiError, EngineFailed):
    """Raised when the Web UI fails a request that may well succeed elsewhere or later."""

    code = "webui_failed"
    retryable = True


class WebUiUnclear(WebUiError, UnclearFailure):
    """Raised for an exception in the Web UI that the request or the machine may have caused."""

    code = "webui_failed"

    def is_same_as(self, other: UnclearFailure) -> bool:
        """Return True if both are the same failure: seeds, sizes and addresses in the words may differ."""
        return _without_numbers(self.message) == _without_numbers(other.message)


class WebUiBroken(WebUiFailed, EngineBroken):
    """Raised when the Web UI fails a request that every sound one carries out."""


class NoSuchCall(WebUiFailed):
    """Raised when this build of the Web UI does not have the call."""


class WebUiOutOfMemory(WebUiFailed, SuspectFailure):
    """Raised when the GPU's memory was not enough."""

    code = "out_of_memory"


class WebUiUnreachable(WebUiFailed, EngineUnreachable):
    """Raised without an answer: connection refused, cut, or silent for too long."""

    code = "webui_unreachable"


class WebUiNotReached(WebUiUnreachable, EngineNotReached):
    """Raised without a connection, or while the Web UI starts: the request was not sent."""


class WebUiHung(WebUiFailed):
    """Raised when the Web UI has a request of this agent and shows no progress."""

    code = "webui_hung"


class CheckpointNotLoaded(WebUiFailed, SuspectFailure):
    """Raised when the Web UI knows the checkpoint and does not load it."""

    code = "checkpoint_not_loaded"


class CheckpointSpoiled(CheckpointNotLoaded, WebUiBroken):
    """Raised when a load failed, and no other checkpoint can be loaded in place of the changed one."""


class OtherCheckpoint(WebUiFailed):
    """Raised when another checkpoint than the requested one made the pictures."""

    code = "checkpoint_not_loaded"


def _without_numbers(message: str) -> str:
    return _NUMBERS.sub("", message)
