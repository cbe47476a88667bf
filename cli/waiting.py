"""Waiting for the end of tasks, with their progress."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from cli.errors import Refused
from darkroom import Client, NoSuchTask, TaskSnapshot
from darkroom.api_calls import POLL_SECONDS
from darkroom.task_snapshot import ModelsOnTheirWay, SamplingPosition

#: Seconds from publishing to the record of a task; SNS, SQS and a cold function need a few.
ARRIVAL_SECONDS: Final = 30.0


@dataclass(kw_only=True, eq=False)
class Arrival:
    """Arrival of a task that is about to be published to the entry topic.

    Before the message is routed, the record is missing or belongs to an older run of the same id. Both mean that the
    task has not arrived. Create the object before publishing.
    """

    client: Client
    task_id: str
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    arrival_seconds: float = ARRIVAL_SECONDS

    def __post_init__(self) -> None:
        self._older = self._read()

    def wait(self) -> None:
        """Wait until the task is recorded; raise Refused when that takes too long."""
        deadline = self.clock() + self.arrival_seconds
        while (task := self._read()) is None or (self._older and task.submitted_at == self._older.submitted_at):
            if self.clock() > deadline:
                raise Refused(
                    f"{self.task_id} was not recorded within {self.arrival_seconds:g} s. A message that is refused is"
                    " answered by a callback with the reason; to see it here, submit with --via http"
                )
            self.sleep(POLL_SECONDS)

    def _read(self) -> TaskSnapshot | None:
        try:
            return self.client.get(self.task_id)
        except NoSuchTask:
            return None


def show_until_the_end(
    changes: Iterable[TaskSnapshot],
    *,
    console: Console,
    on_end: Callable[[TaskSnapshot], None] = lambda _task: None,
) -> dict[str, TaskSnapshot]:
    """Show what `Client.watch` yields. Return the final state of each task by id, and call `on_end` with each."""
    ended: dict[str, TaskSnapshot] = {}
    bars: dict[str, TaskID] = {}
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[status]}"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        for task in changes:
            if not console.is_terminal:
                # A pipe or a file cannot move a bar.
                text = f"{task.id}: {_share(task):4.0%} {_status(task)}"
                console.print(text, markup=False, highlight=False, soft_wrap=True)
            if task.id not in bars:
                bars[task.id] = progress.add_task(task.id, total=1.0, status="")
            progress.update(bars[task.id], completed=_share(task), status=_status(task))
            if task.is_final:
                progress.stop_task(bars[task.id])
                ended[task.id] = task
                on_end(task)
    return ended


def _share(task: TaskSnapshot) -> float:
    return 1.0 if task.is_final else task.progress


def _status(task: TaskSnapshot) -> str:
    place = "" if task.queue_position is None else f" place {task.queue_position}"
    return f"{task.status}{place}{_steps(task.sampling or SamplingPosition())}{_models(task.models)}"


def _models(models: ModelsOnTheirWay | None) -> str:
    """Return how much of the models that a task waits for has come."""
    return f" models {models.bytes_done / 1e9:.1f}/{models.bytes / 1e9:.1f} GB" if models else ""


def _steps(sampling: SamplingPosition) -> str:
    """Return where a running task is, as far as it is known: the step, and the picture or pass of several."""
    parts = []
    if sampling.sampling_step is not None:
        total = f"/{sampling.sampling_steps}" if sampling.sampling_steps is not None else ""
        parts.append(f"step {sampling.sampling_step}{total}")
    if (sampling.job_count or 1) > 1:
        parts.append(f"part {(sampling.job_no or 0) + 1}/{sampling.job_count}")
    return f" {', '.join(parts)}" if parts else ""
