"""Exit codes of the processes in a runtime's container, for the orchestrator and the readers of its logs."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes, after BSD's sysexits. The supervisor passes on that of the process that could not go on."""

    #: SIGTERM or SIGINT: everything is finished or released.
    STOPPED = 0
    #: A model that the runtime needs is not in the model bucket.
    MODEL_MISSING = 66
    #: The Web UI failed several tasks in a row, ends again and again, or hangs: replace this container.
    WEBUI_UNHEALTHY = 69
    #: A mistake in the process itself.
    INTERNAL_ERROR = 70
    #: The disk is too small for the models, or full.
    DISK_FULL = 73
    #: A model could not be fetched: AWS refuses, does not answer, or the file fails its check.
    DOWNLOAD_FAILED = 74
    #: The Web UI was not ready within the start-up deadline.
    START_DEADLINE_PASSED = 75
    #: The machine's clock is so wrong that AWS refuses every request.
    CLOCK_WRONG = 76
    #: The container was started without the credentials of its role.
    CREDENTIALS_MISSING = 77
    #: Variables are missing or wrong.
    INVALID_SETTINGS = 78
