"""Errors of the Web UI: a class per reason, permanent or retryable."""

from typing import Any

from contract.errors import WEBUI_ANSWER, DarkroomError


class UnsupportedTask(DarkroomError):
    """Raised when this agent cannot carry out the kind of task."""

    code = "unsupported_task"


class UnknownModel(DarkroomError):
    """Raised when the Web UI does not know the checkpoint; the message lists those it knows."""

    code = "unknown_model"


class OtherSampler(DarkroomError):
    """Raised when the Web UI made the pictures with a sampler that was not asked for.

    Permanent: the name was in its list, so every replica of this build would do the same again.
    """

    code = "other_sampler"


class WebUiError(DarkroomError):
    """Base of what goes wrong at the Web UI; `answer` is what it said (status and body), where it said anything."""

    def __init__(self, message: str, *, answer: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.answer = answer

    def as_dict(self) -> dict[str, Any]:
        """Return the error with the Web UI's answer."""
        return super().as_dict() | ({WEBUI_ANSWER: self.answer} if self.answer else {})


class WebUiRefused(WebUiError):
    """Raised when the Web UI refuses or fails a request by the request's own fault."""

    code = "webui_refused"


class WebUiFailed(WebUiError):
    """Raised when the Web UI fails a request that may well succeed elsewhere or later."""

    code = "webui_failed"
    retryable = True


class WebUiOutOfMemory(WebUiFailed):
    """Raised when the GPU's memory was not enough."""

    code = "out_of_memory"


class WebUiUnreachable(WebUiFailed):
    """Raised when there is no answer: connection refused, cut, or silent for too long."""

    code = "webui_unreachable"


class WebUiHung(WebUiFailed):
    """Raised when the Web UI has a request of ours and does not move."""

    code = "webui_hung"


class CheckpointNotLoaded(WebUiFailed):
    """Raised when the Web UI knows the checkpoint but does not have it loaded when it should."""

    code = "checkpoint_not_loaded"
