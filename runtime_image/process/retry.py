"""Retries with growing pauses: one refusal must not throw away a picture or an outcome that exists."""

from collections.abc import Callable
from typing import Final, TypeVar

from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from task_store.refusals import is_refused_for_good

Result = TypeVar("Result")

#: Seconds between two attempts. The pause doubles up to the second figure, so that recovery shows within seconds.
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 2.0


class Retry:
    """Repeats a call until it works, until AWS refuses it for good, or until another attempt is of no use."""

    def __init__(self, *, clock: Clock, log: EventLog) -> None:
        self._clock = clock
        self._log = log

    def call(
        self,
        job: Callable[[], Result],
        *,
        until: Callable[[], bool],
        errors: tuple[type[Exception], ...] = AWS_ERRORS,
        event: str = "aws_call_failed",
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
        longest_pause_seconds: float = LONGEST_PAUSE_SECONDS,
        **fields: object,
    ) -> Result:
        """Return the result of `job`.

        Args:
            job: The call.
            until: Returns True once another attempt is of no use; the error is raised then.
            errors: Errors after which the call is repeated.
            event: Name of the log line of each such error.
            first_pause_seconds: Pause after the first error.
            longest_pause_seconds: Limit of the pause.
            fields: Fields of the log line.
        """
        pause_seconds = first_pause_seconds
        while True:
            try:
                return job()
            except errors as error:
                if until() or is_refused_for_good(error):
                    raise
                self._log.warning(event, reason=str(error), next_attempt_seconds=pause_seconds, **fields)
            self._clock.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, longest_pause_seconds)
