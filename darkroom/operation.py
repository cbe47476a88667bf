"""Operations of the client without input and output: generators that ask for requests and pauses.

`Client` and `AsyncClient` drive the same operations, one by blocking and one by awaiting.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import update_wrapper
from inspect import Signature, signature
from typing import Any, Generic, TypeAlias, TypeVar

from darkroom.http_exchange import HttpCall, HttpReply, NoReply

T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Pause:
    """Time to wait before an operation goes on."""

    seconds: float


@dataclass(frozen=True)
class Item(Generic[T]):
    """Value that an iterating operation hands out."""

    value: T


#: The answer to a request; None after an item, and after a pause unless the deadline has passed.
Reply: TypeAlias = HttpReply | NoReply | None
#: An operation returns its result.
Operation: TypeAlias = Generator[HttpCall | Pause, Reply, T]
#: An iteration hands out items in addition.
Iteration: TypeAlias = Generator[HttpCall | Pause | Item[T], Reply, None]


def send(call: HttpCall) -> Operation[HttpReply | NoReply]:
    """Send a request, and return its answer."""
    reply = yield call
    if reply is None:
        raise TypeError("the driver of an operation must answer a request")
    return reply


def before(deadline: float, operation: Operation[T], clock: Callable[[], float]) -> Operation[T]:
    """Carry out an operation, whose last pause ends at the deadline; the pause is answered with the reason.

    Otherwise the repetitions of one request could outlast a wait by minutes.
    """
    reply: Reply = None
    while True:
        try:
            effect = operation.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        left = max(deadline - clock(), 0)
        if isinstance(effect, Pause) and effect.seconds >= left:
            yield Pause(left)
            reply = NoReply("the time limit of the wait has passed", may_pass=False)
        else:
            reply = yield effect


def described(method: Method, operation: Callable[..., Any]) -> Method:
    """Return a client's method with the name, text and arguments of its operation, and without the generator's type."""
    update_wrapper(method, operation)
    vars(method)["__signature__"] = signature(operation).replace(return_annotation=Signature.empty)
    return method
