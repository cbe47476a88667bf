"""CloudWatch's metric math at one moment, as far as our expressions use it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A value, or None for no data. A result of no data is no data."""

    value: float | None

    def __add__(self, other: object) -> "Figure":
        return self._with(other, lambda a, b: a + b)

    def __sub__(self, other: object) -> "Figure":
        return self._with(other, lambda a, b: a - b)

    def __rsub__(self, other: object) -> "Figure":
        return figure(other) - self

    def __mul__(self, other: object) -> "Figure":
        return self._with(other, lambda a, b: a * b)

    def __rmul__(self, other: object) -> "Figure":
        return self * other

    def __truediv__(self, other: object) -> "Figure":
        return self._with(other, lambda a, b: a / b if b else None)

    def __gt__(self, other: object) -> "Figure":
        return self._with(other, lambda a, b: float(a > b))

    def __lt__(self, other: object) -> "Figure":
        return self._with(other, lambda a, b: float(a < b))

    def __ge__(self, other: object) -> "Figure":
        return self._with(other, lambda a, b: float(a >= b))

    def _with(self, other: object, compute: Callable[[float, float], float | None]) -> "Figure":
        first, second = self.value, figure(other).value
        return Figure(None if first is None or second is None else compute(first, second))


def figure(value: object) -> Figure:
    return value if isinstance(value, Figure) else Figure(float(value))  # type: ignore[arg-type]


def choose(condition: Figure, then: object, otherwise: object) -> Figure:
    if condition.value is None:
        return Figure(None)
    return figure(then) if condition.value else figure(otherwise)


def fill(value: Figure, default: object) -> Figure:
    return figure(default) if value.value is None else value


def ceil(value: Figure) -> Figure:
    return Figure(None if value.value is None else float(math.ceil(value.value)))


def evaluate(expression: str, figures: Mapping[str, float | None]) -> float | None:
    """Return the value of `expression` for these figures; None for no data."""
    names: dict[str, Any] = {name: Figure(value) for name, value in figures.items()}
    result = eval(expression, {"__builtins__": {}, "IF": choose, "FILL": fill, "CEIL": ceil}, names)  # noqa: S307  # our own templates
    return figure(result).value
