"""Trying again while it makes sense: what exists already (a picture, an outcome) is not thrown away for one refusal."""

from collections.abc import Callable
from typing import Final, TypeVar

from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog

Result = TypeVar("Result")

#: Seconds between two tries; doubled each time up to the second figure, so that recovery shows within seconds.
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 2.0


class Retry:
    """Repeats an AWS call until it works or is of no use any more."""

    def __init__(self, *, clock: Clock, log: EventLog) -> None:
        self._clock = clock
        self._log = log

    def call(self, job: Callable[[], Result], *, useful: Callable[[], bool], task_id: str) -> Result:
        """Return what `job` returns; raises AWS's error once `useful` says that trying has no use."""
        pause_seconds = FIRST_PAUSE_SECONDS
        while True:
            try:
                return job()
            except AWS_ERRORS as error:
                if not useful():
                    raise
                self._log.warning("aws_call_failed", task_id=task_id, reason=str(error), next_try_seconds=pause_seconds)
            self._clock.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
