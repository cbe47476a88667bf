"""Client that blocks: submits tasks, waits for them, and fetches their pictures."""

import builtins
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, Unpack

from darkroom.batch_calls import BatchArguments, TasksToSend
from darkroom.batch_snapshot import BatchSnapshot
from darkroom.connection import RETRIES, TIMEOUT_SECONDS, Connection, TaskReference, id_of_task
from darkroom.http_exchange import HttpCall, HttpReply, NoReply, Transport
from darkroom.input_pictures import PictureInput
from darkroom.operation import Item, Iteration, Operation, Pause, Reply
from darkroom.pictures import FetchedPicture, save_output
from darkroom.task_request import ListFilters, TaskOptions
from darkroom.task_snapshot import AcceptedTask, OutputFile, TaskListPage, TaskSnapshot

T = TypeVar("T")


class Client(Connection):
    """Client of one HTTP API. Threads may share it. `sleep` waits between two requests."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(url, key, timeout_seconds=timeout_seconds, retries=retries, transport=transport, clock=clock)
        self._sleep = sleep

    def submit(self, prompt: str | None = None, **options: Unpack[TaskOptions]) -> AcceptedTask:
        """Submit a task made of keyword arguments, and upload the pictures among them."""
        return self._run(self._calls.submit(prompt, options))

    def prepare(self, prompt: str | None = None, **options: Unpack[TaskOptions]) -> dict[str, Any]:
        """Return the request of `submit` without sending it; its pictures are uploaded."""
        return self._run(self._calls.prepare(prompt, options))

    def submit_request(self, request: Mapping[str, Any] | bytes) -> AcceptedTask:
        """Submit a whole request of format v1alpha2 or v1alpha1, as an object or as JSON."""
        return self._run(self._calls.submit_request(request))

    def retry(self, task: TaskReference) -> AcceptedTask:
        """Run a task again that failed or timed out, under its id."""
        return self._run(self._calls.retry(id_of_task(task)))

    def get(self, task: TaskReference) -> TaskSnapshot:
        """Return a task as it is now."""
        return self._run(self._calls.get(id_of_task(task)))

    def cancel(self, task: TaskReference) -> TaskSnapshot:
        """Cancel a waiting or running task."""
        return self._run(self._calls.cancel(id_of_task(task)))

    def list(self, **filters: Unpack[ListFilters]) -> Iterator[TaskSnapshot]:
        """Yield all tasks, the newest first."""
        return self._iterate(self._calls.list(filters))

    def page(self, **filters: Unpack[ListFilters]) -> TaskListPage:
        """Return one page of a listing."""
        return self._run(self._calls.page(filters))

    def watch(
        self, *tasks: TaskReference, timeout_seconds: float | None = None, stall_seconds: float | None = None
    ) -> Iterator[TaskSnapshot]:
        """Yield each task whenever its state or progress has changed, until all tasks have ended.

        Raise DeadlinePassed after `timeout_seconds` in all, or when no task has changed for `stall_seconds`.
        """
        ids = tuple(map(id_of_task, tasks))
        return self._iterate(
            self._calls.watch(ids, timeout_seconds=timeout_seconds, stall_seconds=stall_seconds),
        )

    def wait(self, task: TaskReference, *, timeout_seconds: float | None = None) -> TaskSnapshot:
        """Return a task when it has ended, in whatever state."""
        (*_, last) = self.watch(task, timeout_seconds=timeout_seconds)
        return last

    def upload(self, picture: PictureInput) -> str:
        """Upload a picture, and return the link by which tasks use it."""
        return self._run(self._calls.link_to(picture))

    def call(self, method: str, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Send a document to a path that has no method here, and return the document of the answer."""
        return self._run(self._calls.call(method, path, document))

    def submit_batch(self, tasks: TasksToSend, **options: Unpack[BatchArguments]) -> BatchSnapshot:
        """Submit up to 1,000 tasks as one batch: requests as `prepare` returns them, JSON lines, or a JSON array."""
        return self._run(self._calls.batches.submit(tasks, options))

    def get_batch(self, batch_id: str) -> BatchSnapshot:
        """Return a batch as it is now."""
        return self._run(self._calls.batches.get(batch_id))

    def cancel_batch(self, batch_id: str) -> BatchSnapshot:
        """Begin to cancel the active tasks of a batch."""
        return self._run(self._calls.batches.cancel(batch_id))

    def retry_batch(self, batch_id: str) -> BatchSnapshot:
        """Submit the tasks of a batch that failed again, as another batch."""
        return self._run(self._calls.batches.retry(batch_id))

    def list_batches(self) -> Iterator[BatchSnapshot]:
        """Yield all batches, the newest first."""
        return self._iterate(self._calls.batches.list())

    def watch_batch(self, batch_id: str, *, timeout_seconds: float | None = None) -> Iterator[BatchSnapshot]:
        """Yield a batch whenever it has changed, until all its tasks have ended. Raise DeadlinePassed in between."""
        return self._iterate(self._calls.batches.watch(batch_id, timeout_seconds))

    def download(self, output: OutputFile) -> bytes:
        """Return the content of an output."""
        return self._run(self._calls.download(output))

    def pictures(self, task: TaskSnapshot) -> builtins.list[FetchedPicture]:
        """Return the pictures of a task, with their content."""
        found = [output for output in task.outputs if output.is_picture]
        return [FetchedPicture(output, self.download(output)) for output in found]

    def save(self, task: TaskSnapshot, folder: Path | str) -> builtins.list[Path]:
        """Save the outputs of a task in a folder, and return their paths."""
        return [save_output(output, self.download(output), Path(folder)) for output in task.outputs]

    def _run(self, operation: Operation[T]) -> T:
        reply: Reply = None
        while True:
            try:
                effect = operation.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = self._perform(effect)

    def _iterate(self, iteration: Iteration[T]) -> Iterator[T]:
        reply: Reply = None
        while True:
            try:
                effect = iteration.send(reply)
            except StopIteration:
                return
            if isinstance(effect, Item):
                reply = None
                yield effect.value
            else:
                reply = self._perform(effect)

    def _perform(self, effect: HttpCall | Pause) -> HttpReply | NoReply | None:
        if isinstance(effect, Pause):
            self._sleep(effect.seconds)
            return None
        return self._transport.send(effect)
