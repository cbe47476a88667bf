"""What can go wrong between a user's shell and the system, each with an exit code that scripts can use."""

from typing import ClassVar


class CommandError(Exception):
    """Base: the message goes to standard error, the code to the shell."""

    exit_code: ClassVar[int] = 1


class TaskDidNotComplete(CommandError):
    """Raised when a task was waited for and ended otherwise than COMPLETED."""

    exit_code = 1


class Unhealthy(CommandError):
    """Raised when an environment was examined and a problem was found."""

    exit_code = 1


class Refused(CommandError):
    """Raised when the system refuses a request: broken fields, a wrong key, an id in use, no such task."""

    exit_code = 3


class NoSuchTask(Refused):
    """Raised when no record bears the id."""


class Unreachable(CommandError):
    """Raised when the system cannot be found, reached or used with the present credentials."""

    exit_code = 4


class WaitedTooLong(CommandError):
    """Raised when a task was still active at the end of `--timeout`."""

    exit_code = 5
