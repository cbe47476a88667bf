"""CloudWatch's metric math at one moment, and its alarms over some, as far as our templates use them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

#: Periods that an alarm reads beyond those that it evaluates.
SPARE_PERIODS: Final = 2


@dataclass(frozen=True)
class Figure:
    """A value, or None for no data."""

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
        if isinstance(other, Figure) and (first is None) != (second is None):
            # "Missing values in a time series are treated as 0", if another one has a value then.
            first, second = first or 0.0, second or 0.0
        return Figure(None if first is None or second is None else compute(first, second))


def figure(value: object) -> Figure:
    return value if isinstance(value, Figure) else Figure(float(value))  # type: ignore[arg-type]


def choose(condition: Figure, then: object, otherwise: object) -> Figure:
    if condition.value is None:
        # Whether this is no data or 0 for CloudWatch is not documented, so the alarms must not depend on it. The
        # worse case is here: a minute without data looks like a good one, if any branch has data.
        branches = [branch for branch in (then, otherwise) if isinstance(branch, Figure)]
        return figure(otherwise) if any(branch.value is not None for branch in branches) else Figure(None)
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


def is_alarm(alarm: Mapping[str, Any], values: Sequence[float | None]) -> bool:
    """Return True if the alarm is in ALARM after these values, the newest last.

    An alarm reads a few periods more than it evaluates. It uses the newest values of those, and treats what it still
    lacks as healthy.
    """
    periods = alarm["EvaluationPeriods"]
    known = [value for value in values[-periods - SPARE_PERIODS :] if value is not None]
    bad = sum(value >= alarm["Threshold"] for value in known[-periods:])
    return bool(bad >= alarm.get("DatapointsToAlarm", periods))
