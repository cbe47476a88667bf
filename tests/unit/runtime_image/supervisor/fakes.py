"""What stands for the processes that the supervisor has started."""

import signal

from runtime_image.supervisor.child import Child


class FakeChild(Child):
    """A process that ends when the test says so, and never refuses to."""

    def __init__(self, name: str) -> None:
        self.name, self.sent, self.size, self.is_alive = name, list[str](), 0, True

    @property
    def pid(self) -> int:
        return 1

    @property
    def running(self) -> bool:
        return self.is_alive

    def send(self, number: signal.Signals) -> None:
        self.sent.append(number.name)

    def terminate(self) -> None:
        self.sent.append("SIGTERM")

    def kill(self) -> None:
        self.sent.append("SIGKILL")

    def resident_bytes(self) -> int:
        return self.size
