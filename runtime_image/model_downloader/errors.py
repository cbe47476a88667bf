"""Failures of a model download, each with the exit code of the process that needs the model."""

from typing import ClassVar

from contract.errors import DarkroomError
from runtime_image.process.exit_codes import ExitCode


class ModelError(DarkroomError):
    """Base of the errors that keep a model from being used."""

    exit_code: ClassVar[ExitCode] = ExitCode.DOWNLOAD_FAILED


class ModelMissing(ModelError):
    """Raised when the model bucket does not hold a model."""

    code = "unknown_model"
    exit_code = ExitCode.MODEL_MISSING


class KeyRefused(ModelError):
    """Raised when a key or path leads out of the models folder, or cannot be a file in it."""

    code = "path_refused"


class DiskFull(ModelError):
    """Raised before a model exceeds the disk or the quota of models, and when a write finds the disk full."""

    code = "disk_full"
    retryable = True
    exit_code = ExitCode.DISK_FULL


class DownloadFailed(ModelError):
    """Raised when a download fails for now: AWS refuses, or does not answer for long."""

    code = "download_failed"
    retryable = True


class BucketUnreachable(DownloadFailed):
    """Raised when S3 does not answer or is in trouble, so that the same download may succeed later."""


class CheckFailed(DownloadFailed):
    """Raised when the downloaded bytes differ from the object. They are deleted, never used."""


class Interrupted(ModelError):
    """Raised when the model is not wanted any more. Its finished parts stay on disk for the next download."""

    code = "interrupted"
    retryable = True


class ObjectChanged(Exception):
    """Raised inside a download when the bucket holds another object under the key, or no object."""


class ConnectionLost(Exception):
    """Raised inside a download by a cut, silent or overloaded connection. A retry may succeed."""
