"""Fakes of the supervisor's tests: a process that ends on request, and an engine that obeys the test."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path

from runtime_image.comfyui.folders import ComfyUiFolders
from runtime_image.process.engine import EngineFailed, UnknownModel

#: Folders of a ComfyUI that has written nothing.
EMPTY_FOLDERS = ComfyUiFolders(input=Path("/none/input"), output=Path("/none/output"), temp=Path("/none/temp"))


class FakeProcess:
    """Implements `StartedProcess`. It records signals, and ends when the test sets `running` to False."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid = 1
        self.sent: list[str] = []
        self.size_bytes = 0
        self.running = True
        self.started = threading.Event()
        self.started.set()

    def is_running(self) -> bool:
        return self.running

    def send(self, number: signal.Signals, *, group: bool = True) -> None:
        self.sent.append(number.name)

    def resident_bytes(self) -> int:
        return self.size_bytes


class FakeEngine:
    """Implements `SupervisedEngine`. It records calls, answers as `responds` says, and lacks the model `unknown`."""

    name = "engine"
    started_line: str | None = "Startup time:"

    def __init__(self, responds: Callable[[], bool] = lambda: True, *, unknown: str = "") -> None:
        self.calls: list[str] = []
        self._responds = responds
        self._unknown = unknown
        self.is_full = False

    def check_ready(self) -> None:
        self.calls.append("check_ready")
        if not self._responds():
            raise EngineFailed("it starts")

    def is_responsive(self, *, timeout_seconds: float) -> bool:
        self.calls.append("is_responsive")
        return self._responds()

    def exceeds_disk(self) -> bool:
        return self.is_full

    def prepare(self) -> None:
        self.calls.append("prepare")
        if self._unknown:
            raise UnknownModel(f"no {self._unknown}")
