"""Says from time to time that this replica is there, so that callers can see how many wait for work."""

from typing import Final

from contract.replica import SIGN_INTERVAL_MS
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from task_store.repository import TaskRepository

#: Seconds after the start at which a replica is counted: one that cannot live is none.
FIRST_SIGN_SECONDS: Final = 15.0


class ReplicaHeartbeat:
    """Writes signs of life; `replica` is the name that this process has in leases."""

    def __init__(self, *, repository: TaskRepository, replica: str, runtime: str, clock: Clock, log: EventLog) -> None:
        self._repository = repository
        self._replica = replica
        self._runtime = runtime
        self._clock = clock
        self._log = log

    def run(self) -> None:
        """Write for ever; runs in a thread of its own."""
        self._clock.sleep(FIRST_SIGN_SECONDS)
        while True:
            self.sign()
            self._clock.sleep(SIGN_INTERVAL_MS / 1000)

    def sign(self) -> None:
        """Write one sign; nothing depends on it but a number that somebody reads, so no failure may end the agent."""
        try:
            self._repository.heartbeat(self._replica, self._runtime)
        except AWS_ERRORS as error:
            self._log.warning("presence_not_written", reason=str(error))
        except Exception as error:  # noqa: BLE001 - see above
            self._log.error("presence_not_written", error)
