"""Errors of ComfyUI, a class for each reason."""

from collections.abc import Mapping, Sequence
from typing import Any

from contract.errors import COMFYUI_RESPONSE, DarkroomError, FieldError
from runtime_image.process.engine import (
    EngineBroken,
    EngineFailed,
    EngineNotReached,
    EngineRefused,
    EngineUnreachable,
    SuspectFailure,
)


class ComfyUiError(DarkroomError):
    """Base of errors of ComfyUI."""


class WorkflowRefused(ComfyUiError, EngineRefused):
    """Raised when ComfyUI does not accept the workflow, or only a part of it."""

    code = "workflow_refused"

    def __init__(self, message: str, *, details: Sequence[FieldError] = (), response: Mapping[str, Any]) -> None:
        super().__init__(message)
        self._details = details
        self._response = response

    def as_dict(self) -> dict[str, Any]:
        """Return the error with each node's problems and ComfyUI's own response."""
        details = [{"field": detail.field, "message": detail.message} for detail in self._details]
        return super().as_dict() | ({"details": details} if details else {}) | {COMFYUI_RESPONSE: self._response}


class WorkflowFailed(ComfyUiError, EngineRefused):
    """Raised when a node of the workflow fails by the workflow's own fault."""

    code = "workflow_failed"

    def __init__(self, message: str, *, node_id: str, class_type: str, exception_type: str) -> None:
        super().__init__(message)
        self._node = {"node_id": node_id, "class_type": class_type, "exception_type": exception_type}

    def as_dict(self) -> dict[str, Any]:
        """Return the error with the node that failed."""
        return super().as_dict() | self._node


class TooManyOutputs(ComfyUiError, EngineRefused):
    """Raised when a workflow makes more files, or larger ones, than are stored."""

    code = "limit_exceeded"


class InputsNotWritten(ComfyUiError):
    """Raised when the folder of input files takes none, as on a full disk. ComfyUI itself is not to blame."""

    code = "storage_failed"
    retryable = True


class ComfyUiFailed(ComfyUiError, EngineFailed):
    """Raised when ComfyUI fails a workflow that may well succeed elsewhere or later."""

    code = "comfyui_failed"
    retryable = True


class SubmissionFailed(ComfyUiFailed, SuspectFailure):
    """Raised when ComfyUI answers a workflow with an internal error, which the workflow may have caused."""


class ComfyUiOutOfMemory(ComfyUiFailed, SuspectFailure):
    """Raised when the memory of the GPU or of the machine was not enough."""

    code = "out_of_memory"


class ComfyUiBroken(ComfyUiFailed, EngineBroken, SuspectFailure):
    """Raised when the GPU's context is lost, so that every later workflow fails as well."""


class ComfyUiUnreachable(ComfyUiFailed, EngineUnreachable):
    """Raised without an answer: the connection was cut, or silent for too long."""

    code = "comfyui_unreachable"


class ComfyUiNotReached(ComfyUiUnreachable, EngineNotReached):
    """Raised when ComfyUI has not begun with the workflow, because it has ended or is about to start."""


class ComfyUiEnded(ComfyUiFailed, EngineUnreachable, SuspectFailure):
    """Raised when ComfyUI ended while it carried out the workflow, which may be the cause."""


class ComfyUiHung(ComfyUiFailed):
    """Raised when ComfyUI has a workflow of this agent and shows no progress."""

    code = "comfyui_hung"
