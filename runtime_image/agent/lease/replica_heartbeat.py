"""Heartbeat of this replica, from which callers learn how many replicas serve a runtime."""

from typing import Final

from contract.heartbeat import HEARTBEAT_INTERVAL_MS
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from task_store.repository import TaskRepository

#: Seconds after the start at which a replica is counted: one that ends at once must not be.
FIRST_HEARTBEAT_SECONDS: Final = 15.0


class ReplicaHeartbeat:
    """Writes heartbeats; `replica` is the name that this process has in leases."""

    def __init__(self, *, repository: TaskRepository, replica: str, runtime: str, clock: Clock, log: EventLog) -> None:
        self._repository = repository
        self._replica = replica
        self._runtime = runtime
        self._clock = clock
        self._log = log

    def run(self) -> None:
        """Write for ever, in a separate thread."""
        self._clock.sleep(FIRST_HEARTBEAT_SECONDS)
        while True:
            self.write()
            self._clock.sleep(HEARTBEAT_INTERVAL_MS / 1000)

    def write(self) -> None:
        """Write one heartbeat. Only a displayed number depends on it, so no failure may end the agent."""
        try:
            self._repository.heartbeat(self._replica, self._runtime)
        except AWS_ERRORS as error:
            self._log.warning("heartbeat_not_written", reason=str(error))
        except Exception as error:  # noqa: BLE001 - see above
            self._log.error("heartbeat_not_written", error)
