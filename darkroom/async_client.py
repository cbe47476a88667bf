"""Client for asyncio: the operations of `Client`, awaited."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from darkroom.api_calls import ApiCalls
from darkroom.connection import Connection
from darkroom.http_exchange import HttpCall, HttpReply, NoReply
from darkroom.operation import Item, Iteration, Operation, Pause, Reply, described
from darkroom.task_snapshot import TaskReference, TaskSnapshot

T = TypeVar("T")
P = ParamSpec("P")


def _returning(
    operation: Callable[Concatenate[ApiCalls, P], Operation[T]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    """Return the method of the client that carries out an operation."""

    async def method(self: "AsyncClient", /, *arguments: P.args, **options: P.kwargs) -> T:
        return await self._run(operation(self._calls, *arguments, **options))

    return described(method, operation)


def _yielding(
    iteration: Callable[Concatenate[ApiCalls, P], Iteration[T]],
) -> Callable[Concatenate["AsyncClient", P], AsyncIterator[T]]:
    """Return the method of the client that carries out an iteration."""

    def method(self: "AsyncClient", /, *arguments: P.args, **options: P.kwargs) -> AsyncIterator[T]:
        return self._iterate(iteration(self._calls, *arguments, **options))

    return described(method, iteration)


class AsyncClient(Connection):
    """Client of one HTTP API for asyncio. Requests run in the threads of the event loop, and pauses need none."""

    submit = _returning(ApiCalls.submit)
    prepare = _returning(ApiCalls.prepare)
    submit_request = _returning(ApiCalls.submit_request)
    retry = _returning(ApiCalls.retry)
    get = _returning(ApiCalls.get)
    cancel = _returning(ApiCalls.cancel)
    page = _returning(ApiCalls.page)
    list = _yielding(ApiCalls.list)
    watch = _yielding(ApiCalls.watch)
    upload = _returning(ApiCalls.upload)
    call = _returning(ApiCalls.call)
    submit_batch = _returning(ApiCalls.submit_batch)
    get_batch = _returning(ApiCalls.get_batch)
    cancel_batch = _returning(ApiCalls.cancel_batch)
    retry_batch = _returning(ApiCalls.retry_batch)
    list_batches = _yielding(ApiCalls.list_batches)
    list_batch_tasks = _yielding(ApiCalls.list_batch_tasks)
    watch_batch = _yielding(ApiCalls.watch_batch)
    download = _returning(ApiCalls.download)
    pictures = _returning(ApiCalls.pictures)
    save = _returning(ApiCalls.save)

    async def wait(self, task: TaskReference, *, timeout_seconds: float | None = None) -> TaskSnapshot:
        """Return a task when it has ended, in whatever state."""
        (*_, last) = [state async for state in self.watch(task, timeout_seconds=timeout_seconds)]
        return last

    async def _run(self, operation: Operation[T]) -> T:
        reply: Reply = None
        while True:
            try:
                effect = operation.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = None  # It may be large, and would stay until the next one is complete.
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
