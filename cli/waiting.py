"""Waiting for the end of tasks, with their progress."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

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

    def __init__(self, *, api: ApiClient, task_id: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._older = self._read(task_id)
        self._deadline = clock() + ARRIVAL_SECONDS

    def __call__(self, task_id: str) -> dict[str, Any]:
        """Return the task; raise Refused when it has not arrived in time."""
        task = self._read(task_id)
        if task and (self._older is None or task["submitted_at"] != self._older["submitted_at"]):
            return task
        if self._clock() > self._deadline:
            raise Refused(
                f"{task_id} was not recorded within {ARRIVAL_SECONDS:g} s. A message that is refused is answered by a"
                " callback with the reason; to see it here, submit with --via http"
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
    timeout_seconds: float,
    console: Console,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, dict[str, Any]]:
    """Return the final state of each task by id; raise WaitedTooLong, naming those that are still active."""
    deadline = clock() + timeout_seconds
    waiting = list(dict.fromkeys(task_ids))
    ended: dict[str, dict[str, Any]] = {}
    with _progress(console) as progress:
        bars = {task_id: progress.add_task(task_id, total=1.0, status="") for task_id in waiting}
        while True:
            for task_id in tuple(waiting):
                task = read_task(task_id)
                _show(progress, bars[task_id], task)
                if task["status"] in FINAL_STATUSES:
                    ended[task_id] = task
                    waiting.remove(task_id)
            if not waiting:
                return ended
            if clock() >= deadline:
                raise WaitedTooLong(f"still active after {timeout_seconds:g} s: {', '.join(waiting)}")
            sleep(POLL_SECONDS * max(1.0, len(waiting) / TASKS_PER_POLL))


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[status]}"),
        TimeElapsedColumn(),
        console=console,
    )


def _show(progress: Progress, bar: TaskID, task: dict[str, Any]) -> None:
    completed = 1.0 if task["status"] in FINAL_STATUSES else float(task.get("progress") or 0)
    progress.update(
        bar,
        completed=completed,
        status=f"{task['status']}{_steps(task.get('sampling') or {})}{_models(task.get('models'))}",
    )
    if task["status"] in FINAL_STATUSES:
        progress.stop_task(bar)


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
