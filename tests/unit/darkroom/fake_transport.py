"""Transport that answers from a list, and a clock that only sleeping moves."""

import json
from typing import Any

from darkroom.http_exchange import HttpCall, HttpReply, NoReply


class FakeTransport:
    """Records requests and gives the answers in order; the last one is given again and again."""

    def __init__(self, *answers: HttpReply | NoReply) -> None:
        self.calls: list[HttpCall] = []
        self._answers = list(answers)

    def send(self, call: HttpCall) -> HttpReply | NoReply:
        self.calls.append(call)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class SleepingClock:
    """Clock whose time passes while somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


def answer(document: dict[str, Any], status: int = 200, **headers: str) -> HttpReply:
    """Return a reply of the API."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpReply(status, named, json.dumps(document).encode())


def refusal(status: int, code: str, message: str = "no", **headers: str) -> HttpReply:
    """Return an error of the API."""
    return answer({"error": {"code": code, "message": message}}, status, **headers)


def task(status: str, task_id: str = "a", **changed: Any) -> dict[str, Any]:
    """Return the document of a task."""
    return {
        "id": task_id,
        "runtime": "sdruntime",
        "tasktype": "text-to-image",
        "status": status,
        "progress": 0.5,
        "submitted_at": "2026-11-20T10:00:00.000Z",
        "outputs": [],
        "error": None,
    } | changed
