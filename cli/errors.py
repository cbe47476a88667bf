"""Errors of the command line, each with an exit code for scripts."""

from collections.abc import Mapping
from typing import ClassVar, Final

import darkroom


class CommandError(Exception):
    """Base of all errors: the message goes to standard error, the exit code to the shell."""

    exit_code: ClassVar[int] = 1


class TaskDidNotComplete(CommandError):
    """Raised when a task ended in another status than COMPLETED."""

    exit_code = 1


class Unhealthy(CommandError):
    """Raised when the doctor found a problem, or a stored model is broken."""

    exit_code = 1


class WrongUsage(CommandError):
    """Raised when options contradict each other, or one is missing."""

    exit_code = 2


class Refused(CommandError):
    """Raised when the system refuses a request: broken fields, a wrong key, an id in use, no such task."""

    exit_code = 3


class Unreachable(CommandError):
    """Raised when the system cannot be found or reached, or AWS refuses its use."""

    exit_code = 4


class WaitedTooLong(CommandError):
    """Raised when a task was still active at the end of `--timeout`."""

    exit_code = 5


class Bug(CommandError):
    """Raised for an exception that no command expects; 70 is EX_SOFTWARE of sysexits.h."""

    exit_code = 70


class LocalFileFailed(CommandError):
    """Raised when a file of this machine cannot be read or written; 74 is EX_IOERR of sysexits.h."""

    exit_code = 74


class Misconfigured(CommandError):
    """Raised when this shell has no AWS region, profile or credentials; 78 is EX_CONFIG of sysexits.h."""

    exit_code = 78


class Aborted(CommandError):
    """Raised when a question is answered with no, or Ctrl-C ends the command."""

    exit_code = 130


#: Error of the command line for an error of the client.
_ERROR_OF_CLIENT: Final[Mapping[type[darkroom.Error], type[CommandError]]] = {
    darkroom.NotConfigured: Unreachable,
    darkroom.Unavailable: Unreachable,
    darkroom.UnusableInput: WrongUsage,
    darkroom.DeadlinePassed: WaitedTooLong,
    darkroom.TaskNotCompleted: TaskDidNotComplete,
}


def command_error(error: darkroom.Error) -> CommandError:
    """Return the error of the command line for an error of the client, with its message."""
    return _ERROR_OF_CLIENT.get(type(error), Refused)(str(error))
