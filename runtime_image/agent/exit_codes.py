"""How the agent's process ends; the supervisor and the fleet read these."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes, after BSD's sysexits."""

    #: SIGTERM or SIGINT: everything is finished or handed back.
    STOPPED = 0
    #: The Web UI failed several tasks in a row, never became ready, or hangs: replace this container.
    WEBUI_UNHEALTHY = 69
    #: A mistake in the agent itself.
    INTERNAL_ERROR = 70
    #: Variables are missing or wrong.
    INVALID_SETTINGS = 78
