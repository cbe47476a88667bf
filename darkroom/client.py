"""Client that blocks: submits tasks, waits for them, and fetches their pictures."""

import time
from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, TypeVar

from darkroom.api_calls import ApiCalls
from darkroom.connection import RETRIES, TIMEOUT_SECONDS, Connection
from darkroom.http_exchange import HttpCall, HttpReply, NoReply, Transport
from darkroom.operation import Item, Iteration, Operation, Pause, Reply, described
from darkroom.task_snapshot import TaskReference, TaskSnapshot

T = TypeVar("T")
P = ParamSpec("P")


def _returning(
    operation: Callable[Concatenate[ApiCalls, P], Operation[T]],
) -> Callable[Concatenate["Client", P], T]:
    """Return the method of the client that carries out an operation."""

    def method(self: "Client", /, *arguments: P.args, **options: P.kwargs) -> T:
        return self._run(operation(self._calls, *arguments, **options))

    return described(method, operation)


def _yielding(
    iteration: Callable[Concatenate[ApiCalls, P], Iteration[T]],
) -> Callable[Concatenate["Client", P], Iterator[T]]:
    """Return the method of the client that carries out an iteration."""

    def method(self: "Client", /, *arguments: P.args, **options: P.kwargs) -> Iterator[T]:
        return self._iterate(iteration(self._calls, *arguments, **options))

    return described(method, iteration)


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

    def wait(self, task: TaskReference, *, timeout_seconds: float | None = None) -> TaskSnapshot:
        """Return a task when it has ended, in whatever state."""
        (*_, last) = self.watch(task, timeout_seconds=timeout_seconds)
        return last

    def _run(self, operation: Operation[T]) -> T:
        reply: Reply = None
        while True:
            try:
                effect = operation.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            reply = None  # It may be large, and would stay until the next one is complete.
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
