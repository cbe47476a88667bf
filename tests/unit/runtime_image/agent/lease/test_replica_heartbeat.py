"""Heartbeats of a replica, from some time after its start to its end."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from contract.heartbeat import HEARTBEAT_INTERVAL_MS
from runtime_image.agent.lease.replica_heartbeat import FIRST_HEARTBEAT_SECONDS, ReplicaHeartbeat
from runtime_image.process.logs import configure_logs


class Over(BaseException):
    """Ends the thread's loop."""


class Surroundings:
    """The repository and the clock of a replica whose first writes fail."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.happened: list[Any] = []

    def sleep(self, seconds: float) -> None:
        self.happened.append(seconds)
        if len(self.happened) > 6:
            raise Over

    def heartbeat(self, replica: str, runtime: str) -> None:
        self.happened.append((replica, runtime))
        if self.failures:
            raise self.failures.pop(0)


AWS_IS_AWAY = EndpointConnectionError(endpoint_url="https://dynamodb")


@pytest.mark.parametrize("failures", [[], [AWS_IS_AWAY, AWS_IS_AWAY], [TypeError("a mistake of ours")]])
def test_signs_come_at_their_pace_whatever_goes_wrong(failures: list[Exception]) -> None:
    day: Any = Surroundings(*failures)
    heartbeat_sender = ReplicaHeartbeat(
        repository=day, replica="a", runtime="sdruntime", clock=day, log=configure_logs("CRITICAL")
    )
    with pytest.raises(Over):
        heartbeat_sender.run()
    sign, pause = ("a", "sdruntime"), HEARTBEAT_INTERVAL_MS / 1000
    assert day.happened == [FIRST_HEARTBEAT_SECONDS, sign, pause, sign, pause, sign, pause]
