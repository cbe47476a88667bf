"""Why models do not get onto the disk, and how the process that needs them ends."""

from typing import ClassVar

from contract.errors import DarkroomError
from runtime_image.process.exit_codes import ExitCode


class ModelError(DarkroomError):
    """Base of what keeps a model from being used."""

    exit_code: ClassVar[ExitCode] = ExitCode.DOWNLOAD_FAILED


class ModelMissing(ModelError):
    """Raised when the model bucket does not hold a model."""

    code = "unknown_model"
    exit_code = ExitCode.MODEL_MISSING


class KeyRefused(ModelError):
    """Raised when a key or path would lead out of the models folder, or cannot be a file in it."""

    code = "path_refused"


class DiskFull(ModelError):
    """Raised before the disk, or the room that was set aside for models, is full."""

    code = "disk_full"
    retryable = True
    exit_code = ExitCode.DISK_FULL


class DownloadFailed(ModelError):
    """Raised when a model cannot be fetched for now: AWS refuses, or does not answer for long."""

    code = "download_failed"
    retryable = True


class CheckFailed(DownloadFailed):
    """Raised when what was fetched is not what the bucket holds; it is thrown away, never used."""


class Interrupted(ModelError):
    """Raised when nobody wants the model any more; what has come is kept for the next time."""

    code = "interrupted"
    retryable = True


class ObjectChanged(Exception):
    """Raised inside a transfer when the object is not the one that it began with."""


class ConnectionCut(Exception):
    """Raised inside a transfer by what the next try may not meet: cut, silent or overloaded connections."""
