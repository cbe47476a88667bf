"""One operation of the HTTP API as its describer writes it down."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from contract.errors import DarkroomError

#: A type of the code, of which pydantic makes the schema, or a schema.
Schema = Any
#: Schema of an object with any keys.
ANY_OBJECT: Final[dict[str, Any]] = {"type": "object", "additionalProperties": True}


def choice(values: Iterable[str]) -> dict[str, Any]:
    """Return the schema of one of these texts."""
    return {"type": "string", "enum": list(values)}


@dataclass(frozen=True)
class Body:
    """What a request carries; examples by name."""

    schema: Schema
    examples: Mapping[str, Any] = field(default_factory=dict)
    required: bool = True
    content_type: str = "application/json"


@dataclass(frozen=True)
class Parameter:
    """One parameter of the path (`required`) or the query."""

    name: str
    description: str
    schema: dict[str, Any]
    place: str = "query"
    example: str | None = None


@dataclass(frozen=True)
class Operation:
    """One method of one path. `errors` are specific to it; the errors of any request are added to all."""

    method: str
    path: str
    name: str
    summary: str
    tag: str
    answers: Mapping[HTTPStatus, Schema]
    errors: tuple[type[DarkroomError], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    #: True if a request may ask for server-sent events instead of JSON.
    streams: bool = False
