"""Client for asyncio: the operations of `Client`, awaited."""

import asyncio
import builtins
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, Unpack

from darkroom.batch_calls import BatchArguments, TasksToSend
from darkroom.batch_snapshot import BatchSnapshot
from darkroom.connection import Connection, TaskReference, id_of_task
from darkroom.http_exchange import HttpCall, HttpReply, NoReply
from darkroom.input_pictures import PictureInput
from darkroom.operation import Item, Iteration, Operation, Pause, Reply
from darkroom.pictures import FetchedPicture, save_output
from darkroom.task_request import ListFilters, TaskOptions
from darkroom.task_snapshot import AcceptedTask, OutputFile, TaskListPage, TaskSnapshot

T = TypeVar("T")


class AsyncClient(Connection):
    """Client of one HTTP API for asyncio. Requests run in the threads of the event loop, and pauses need none."""

    async def submit(self, prompt: str | None = None, **options: Unpack[TaskOptions]) -> AcceptedTask:
        """Submit a task made of keyword arguments, and upload the pictures among them."""
        return await self._run(self._calls.submit(prompt, options))

    async def prepare(self, prompt: str | None = None, **options: Unpack[TaskOptions]) -> dict[str, Any]:
        """Return the request of `submit` without sending it; its pictures are uploaded."""
        return await self._run(self._calls.prepare(prompt, options))

    async def submit_request(self, request: Mapping[str, Any] | bytes) -> AcceptedTask:
        """Submit a whole request of format v1alpha2 or v1alpha1, as an object or as JSON."""
        return await self._run(self._calls.submit_request(request))

    async def retry(self, task: TaskReference) -> AcceptedTask:
        """Run a task again that failed or timed out, under its id."""
        return await self._run(self._calls.retry(id_of_task(task)))

    async def get(self, task: TaskReference) -> TaskSnapshot:
        """Return a task as it is now."""
        return await self._run(self._calls.get(id_of_task(task)))

    async def cancel(self, task: TaskReference) -> TaskSnapshot:
        """Cancel a waiting or running task."""
        return await self._run(self._calls.cancel(id_of_task(task)))

    def list(self, **filters: Unpack[ListFilters]) -> AsyncIterator[TaskSnapshot]:
        """Yield all tasks, the newest first."""
        return self._iterate(self._calls.list(filters))

    async def page(self, **filters: Unpack[ListFilters]) -> TaskListPage:
        """Return one page of a listing."""
        return await self._run(self._calls.page(filters))

    def watch(
        self, *tasks: TaskReference, timeout_seconds: float | None = None, stall_seconds: float | None = None
    ) -> AsyncIterator[TaskSnapshot]:
        """Yield each task whenever its state or progress has changed, until all tasks have ended.

        Raise DeadlinePassed after `timeout_seconds` in all, or when no task has changed for `stall_seconds`.
        """
        ids = tuple(map(id_of_task, tasks))
        return self._iterate(self._calls.watch(ids, timeout_seconds=timeout_seconds, stall_seconds=stall_seconds))

    async def wait(self, task: TaskReference, *, timeout_seconds: float | None = None) -> TaskSnapshot:
        """Return a task when it has ended, in whatever state."""
        (*_, last) = [state async for state in self.watch(task, timeout_seconds=timeout_seconds)]
        return last

    async def upload(self, picture: PictureInput) -> str:
        """Upload a picture, and return the link by which tasks use it."""
        return await self._run(self._calls.link_to(picture))

    async def call(self, method: str, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Send a document to a path that has no method here, and return the document of the answer."""
        return await self._run(self._calls.call(method, path, document))

    async def submit_batch(self, tasks: TasksToSend, **options: Unpack[BatchArguments]) -> BatchSnapshot:
        """Submit up to 1,000 tasks as one batch: requests as `prepare` returns them, JSON lines, or a JSON array."""
        return await self._run(self._calls.batches.submit(tasks, options))

    async def get_batch(self, batch_id: str) -> BatchSnapshot:
        """Return a batch as it is now."""
        return await self._run(self._calls.batches.get(batch_id))

    async def cancel_batch(self, batch_id: str) -> BatchSnapshot:
        """Begin to cancel the active tasks of a batch."""
        return await self._run(self._calls.batches.cancel(batch_id))

    async def retry_batch(self, batch_id: str) -> BatchSnapshot:
        """Submit the tasks of a batch that failed again, as another batch."""
        return await self._run(self._calls.batches.retry(batch_id))

    def list_batches(self) -> AsyncIterator[BatchSnapshot]:
        """Yield all batches, the newest first."""
        return self._iterate(self._calls.batches.list())

    def watch_batch(self, batch_id: str, *, timeout_seconds: float | None = None) -> AsyncIterator[BatchSnapshot]:
        """Yield a batch whenever it has changed, until all its tasks have ended. Raise DeadlinePassed in between."""
        return self._iterate(self._calls.batches.watch(batch_id, timeout_seconds))

    async def download(self, output: OutputFile) -> bytes:
        """Return the content of an output."""
        return await self._run(self._calls.download(output))

    async def pictures(self, task: TaskSnapshot) -> builtins.list[FetchedPicture]:
        """Return the pictures of a task, with their content."""
        found = [output for output in task.outputs if output.is_picture]
        return [FetchedPicture(output, await self.download(output)) for output in found]

    async def save(self, task: TaskSnapshot, folder: Path | str) -> builtins.list[Path]:
        """Save the outputs of a task in a folder, and return their paths."""
        return [save_output(output, await self.download(output), Path(folder)) for output in task.outputs]

    async def _run(self, operation: Operation[T]) -> T:
        reply: Reply = None
        while True:
            try:
                effect = operation.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = await self._perform(effect)

    async def _iterate(self, iteration: Iteration[T]) -> AsyncIterator[T]:
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
                reply = await self._perform(effect)

    async def _perform(self, effect: HttpCall | Pause) -> HttpReply | NoReply | None:
        if isinstance(effect, Pause):
            await asyncio.sleep(effect.seconds)
            return None
        return await asyncio.to_thread(self._transport.send, effect)
