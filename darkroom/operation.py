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


#: The answer to a request; None after a pause or an item.
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


def described(method: Method, operation: Callable[..., Any]) -> Method:
    """Return a client's method with the name, text and arguments of its operation, and without the generator's type."""
    update_wrapper(method, operation)
    vars(method)["__signature__"] = signature(operation).replace(return_annotation=Signature.empty)
    return method
