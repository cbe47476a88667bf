"""Errors of the command line, each with an exit code for scripts."""

from typing import ClassVar


class CommandError(Exception):
    """Base of all errors: the message goes to standard error, the exit code to the shell."""

    exit_code: ClassVar[int] = 1


class TaskDidNotComplete(CommandError):
    """Raised when a task ended in another status than COMPLETED."""

    exit_code = 1


class Unhealthy(CommandError):
    """Raised when the doctor found a problem."""

    exit_code = 1


class Refused(CommandError):
    """Raised when the system refuses a request: broken fields, a wrong key, an id in use, no such task."""

    exit_code = 3


class NoSuchTask(Refused):
    """Raised when no task has the id."""


class Unreachable(CommandError):
    """Raised when the system cannot be found, reached or used with the present credentials."""

    exit_code = 4


class WaitedTooLong(CommandError):
    """Raised when a task was still active at the end of `--timeout`."""

    exit_code = 5
