"""Findings of the check of one request: its errors, and what its record and its answer say of its fields."""

from dataclasses import dataclass, field
from typing import Any

from contract.errors import FieldError


@dataclass(frozen=True)
class Findings:
    """What the check of one request has found so far, with v1alpha2 paths."""

    errors: list[FieldError] = field(default_factory=list)
    #: As for `contract.formats.original_field`.
    moved: dict[str, str] = field(default_factory=dict)
    #: Fields that Darkroom does not know and passes on.
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CheckedContent:
    """Content of a task as its runtime gets it, and the models that it needs."""

    content: dict[str, Any]
    #: The checkpoint that the runtime must load; None if the task needs none or names its models in a workflow.
    checkpoint: str | None = None
    #: The name of the checkpoint that the sender wrote.
    requested_checkpoint: str | None = None
    #: Pictures that the task makes; None if only its run shows the number.
    pictures: int | None = None
