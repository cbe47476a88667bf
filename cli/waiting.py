"""Waiting for the end of tasks, with their progress."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from cli.api_client import ApiClient
from cli.errors import NoSuchTask, Refused, WaitedTooLong

FINAL_STATUSES: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})
#: Seconds between two polls of a task. Agents write progress at most every 2 s, but more polls show the end of short
#: tasks sooner.
POLL_SECONDS: Final = 0.5
#: Tasks that are polled in that time. With more tasks, each of them is polled less often.
TASKS_PER_POLL: Final = 4

#: Seconds from publishing to the record of a task; SNS, SQS and a cold function need a few.
ARRIVAL_SECONDS: Final = 30.0

ReadTask = Callable[[str], dict[str, Any]]


class NewRun:
    """Reads a task that is about to be published to the entry topic.

    Before the message is routed, the record is missing or belongs to an older run of the same id. Both mean that the
    task has not arrived. Create the reader before publishing.
    """

    def __init__(
        self,
        *,
        api: ApiClient,
        task_id: str,
        clock: Callable[[], float] = time.monotonic,
        arrival_seconds: float = ARRIVAL_SECONDS,
    ) -> None:
        self._api = api
        self._clock = clock
        self._older = self._read(task_id)
        self._arrival_seconds = arrival_seconds
        self._deadline = clock() + arrival_seconds

    def __call__(self, task_id: str) -> dict[str, Any]:
        """Return the task; raise Refused when it has not arrived in time."""
        task = self._read(task_id)
        if task and (self._older is None or task["submitted_at"] != self._older["submitted_at"]):
            return task
        if self._clock() > self._deadline:
            raise Refused(
                f"{task_id} was not recorded within {self._arrival_seconds:g} s. A message that is refused is answered"
                " by a callback with the reason; to see it here, submit with --via http"
            )
        return {"status": "SENT", "progress": 0}

    def _read(self, task_id: str) -> dict[str, Any] | None:
        try:
            return self._api.task(task_id)
        except NoSuchTask:
            return None


def wait_for_tasks(
    task_ids: Iterable[str],
    *,
    read_task: ReadTask,
    console: Console,
    timeout_seconds: float = math.inf,
    stall_seconds: float = math.inf,
    on_end: Callable[[str, dict[str, Any]], None] = lambda _id, _task: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, dict[str, Any]]:
    """Return the final state of each task by id, and call `on_end` with each as soon as it is final.

    Raise WaitedTooLong, naming the tasks that are still active, after `timeout_seconds` in all, or when none of
    them has changed for `stall_seconds`.
    """
    deadline = clock() + timeout_seconds
    changed_at = clock()
    waiting = list(dict.fromkeys(task_ids))
    shown = dict.fromkeys(waiting, "")
    ended: dict[str, dict[str, Any]] = {}
    with (_Bars if console.is_terminal else _Lines)(console) as display:
        while True:
            for task_id in tuple(waiting):
                task = read_task(task_id)
                display.show(task_id, task)
                if (text := _progress_text(task)) != shown[task_id]:
                    shown[task_id], changed_at = text, clock()
                if task["status"] in FINAL_STATUSES:
                    ended[task_id] = task
                    waiting.remove(task_id)
                    on_end(task_id, task)
            if not waiting:
                return ended
            if clock() >= deadline:
                raise WaitedTooLong(f"still active after {timeout_seconds:g} s: {', '.join(waiting)}")
            if clock() - changed_at >= stall_seconds:
                raise WaitedTooLong(f"no progress for {stall_seconds:g} s: {', '.join(waiting)}")
            sleep(POLL_SECONDS * max(1.0, len(waiting) / TASKS_PER_POLL))


class _Bars:
    """Shows tasks as progress bars in a terminal."""

    def __init__(self, console: Console) -> None:
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            console=console,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, task_id: str, task: dict[str, Any]) -> None:
        """Move the bar of a task."""
        if task_id not in self._bars:
            self._bars[task_id] = self._progress.add_task(task_id, total=1.0, status="")
        self._progress.update(self._bars[task_id], completed=_share(task), status=_status(task))
        if task["status"] in FINAL_STATUSES:
            self._progress.stop_task(self._bars[task_id])


class _Lines:
    """Writes a line for each change, because a pipe or a file cannot move a bar."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._written: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the lines where they are."""

    def show(self, task_id: str, task: dict[str, Any]) -> None:
        """Write a line if the task has changed."""
        text = _progress_text(task)
        if self._written.get(task_id) != text:
            self._written[task_id] = text
            self._console.print(f"{task_id}: {text}", markup=False, highlight=False, soft_wrap=True)


def _progress_text(task: dict[str, Any]) -> str:
    return f"{_share(task):4.0%} {_status(task)}"


def _share(task: dict[str, Any]) -> float:
    return 1.0 if task["status"] in FINAL_STATUSES else float(task.get("progress") or 0)


def _status(task: dict[str, Any]) -> str:
    return f"{task['status']}{_steps(task.get('sampling') or {})}{_models(task.get('models'))}"


def _models(models: Mapping[str, int] | None) -> str:
    """Return how much of the models that a task waits for has come."""
    return f" models {models['bytes_done'] / 1e9:.1f}/{models['bytes'] / 1e9:.1f} GB" if models else ""


def _steps(sampling: Mapping[str, int]) -> str:
    """Return where a running task is, as far as it is known: the step, and the picture or pass of several."""
    parts = []
    if "sampling_step" in sampling:
        total = f"/{sampling['sampling_steps']}" if "sampling_steps" in sampling else ""
        parts.append(f"step {sampling['sampling_step']}{total}")
    if sampling.get("job_count", 1) > 1:
        parts.append(f"part {sampling.get('job_no', 0) + 1}/{sampling['job_count']}")
    return f" {', '.join(parts)}" if parts else ""
