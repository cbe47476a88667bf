"""Axes of the Web UI's X/Y/Z plot: their values, written out by the edge and read by all who count or check them."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from contract.errors import FieldError
from contract.script_tables import IMAGE_TO_IMAGE_AXES, MAX_AXIS_VALUES, TEXT_TO_IMAGE_AXES

#: Pictures of one plot, whatever their size.
MAX_CELLS: Final = 256
#: Values of the axis that permutes its values: five make 120 pictures.
MAX_PERMUTED: Final = 5
_AXES: Final = 3
#: Place of the argument that makes the Web UI read the text of every axis.
_TEXT_ONLY: Final = 17
#: Axes with a list of choices; unless texts are asked for, their values are those of the list.
_CHOICES: Final = frozenset(
    {
        *("Sampler", "Hires sampler", "Checkpoint name", "Schedule type", "Hires upscaler", "VAE", "Styles"),
        *("Face restore", "Always discard next-to-last sigma", "SGM noise multiplier", "Refiner checkpoint"),
        *("RNG source", "FP8 mode"),
    }
)
_WORDS: Final = frozenset({"Nothing", "Prompt S/R", "Prompt order", "Size"})
_WHOLE: Final = frozenset({"Seed", "Var. seed", "Steps", "Hires steps", "Clip skip", "UniPC Order"})
#: Axes that change the work of a picture, and the fields that they change.
_COSTLY: Final = {"Steps": "steps", "Hires steps": "hr_second_pass_steps"}
_NUMBER: Final = r"[+-]?\d{1,15}(?:\.\d{0,15})?"
_ONE_NUMBER: Final = re.compile(_NUMBER)
_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d{1,15}")
#: `1-5`, `1-10 (+2)` by a step, `1-10 [5]` by a count.
_RANGE: Final = re.compile(
    rf"({_NUMBER})\s{{0,9}}-\s{{0,9}}({_NUMBER})\s{{0,9}}(?:\(({_NUMBER})\s{{0,9}}\)|\[(\d{{1,15}})\s{{0,9}}\])?"
)


@dataclass(frozen=True)
class Axis:
    """One axis of a plot."""

    label: str
    values: tuple[str, ...]
    #: Path of the argument that holds the values.
    field: str

    @property
    def cells(self) -> int:
        """Number of pictures along the axis."""
        if self.label == "Nothing":
            return 1
        if self.label == "Prompt order":
            # More values are refused; the number of their permutations has thousands of digits.
            return math.factorial(min(len(self.values), 2 * MAX_PERMUTED))
        return len(self.values)


def read_plot(arguments: list[Any], *, with_input: bool, field: str, errors: list[FieldError]) -> list[Any]:
    """Return the arguments of the plot, as the table's readers return them, with every range written out.

    `with_input` is True for `img2img`, whose axes differ. `errors` receives the axes that cannot be drawn.
    """
    labels = _labels(with_input=with_input)
    for place in range(0, _AXES * _AXES, _AXES):
        if arguments[place] >= len(labels):
            errors.append(FieldError(f"{field}[{place}]", f"must be the place of an axis, 0 to {len(labels) - 1}"))
            return arguments
    result = list(arguments)
    axes = list(axes_of(arguments, with_input=with_input, field=field))
    for number, axis in enumerate(axes):
        if axis.label != "Nothing" and not axis.values:
            errors.append(FieldError(axis.field, f"must hold the values of the axis {axis.label!r}"))
        elif axis.label not in _CHOICES | _WORDS:
            values = _written_out(axis, errors)
            axes[number] = Axis(axis.label, tuple(values), axis.field)
            result[number * _AXES + 1] = ", ".join(values)
        elif axis.label == "Prompt order" and len(axis.values) > MAX_PERMUTED:
            errors.append(FieldError(axis.field, f"permutes {len(axis.values)} values; {MAX_PERMUTED} are accepted"))
            return result
    cells = math.prod(axis.cells for axis in axes)
    if cells > MAX_CELLS:
        errors.append(FieldError(field, f"draw a plot of {cells} pictures; {MAX_CELLS} are accepted", "limit_exceeded"))
    return result


def axes_of(arguments: Sequence[Any], *, with_input: bool, field: str) -> Iterator[Axis]:
    """Yield the axes of a plot that the edge has accepted."""
    labels = _labels(with_input=with_input)
    if len(arguments) <= _TEXT_ONLY:
        return
    for place in range(0, _AXES * _AXES, _AXES):
        kind, text, chosen = arguments[place : place + _AXES]
        if not (
            isinstance(kind, int) and 0 <= kind < len(labels) and isinstance(text, str) and isinstance(chosen, list)
        ):
            continue
        label = labels[kind]
        if label in _CHOICES and not arguments[_TEXT_ONLY]:
            yield Axis(label, tuple(chosen), f"{field}[{place + 2}]")
        else:
            yield Axis(label, tuple(_split(text)), f"{field}[{place + 1}]")


def largest_values(axis: Axis) -> dict[str, int]:
    """Return the largest value of each field that an axis changes and that asks for work."""
    if axis.label in _COSTLY:
        # The edge has written every range out, and refused an axis without values.
        return {_COSTLY[axis.label]: max(map(int, axis.values))}
    sizes = [size for value in axis.values if (size := _cell_size(value))] if axis.label == "Size" else []
    return {"width": max(width for width, _ in sizes), "height": max(height for _, height in sizes)} if sizes else {}


def _cell_size(value: str) -> tuple[int, int] | None:
    """Return width and height as the Web UI reads them, also of `+64x1_024`; None for what it ignores."""
    width, _, height = value.partition("x")
    try:
        return int(width), int(height)
    except ValueError:
        return None


def _labels(*, with_input: bool) -> Sequence[str]:
    return IMAGE_TO_IMAGE_AXES if with_input else TEXT_TO_IMAGE_AXES


def _split(text: str) -> list[str]:
    try:
        return [value.strip() for row in csv.reader(io.StringIO(text)) for value in row]
    except csv.Error:
        return []


def _written_out(axis: Axis, errors: list[FieldError]) -> list[str]:
    written: list[str] = []
    is_whole = axis.label in _WHOLE
    for value in axis.values:
        if (_WHOLE_NUMBER if is_whole else _ONE_NUMBER).fullmatch(value):
            written.append(value)
        elif found := _RANGE.fullmatch(value):
            values = _range_values(found, is_whole=is_whole)
            if not values:
                errors.append(FieldError(axis.field, f"{value[:40]!r} is an empty range; write for example 5-1 (-1)"))
                return []
            written += values
        else:
            message = f"{value[:40]!r} is neither a {'whole ' * is_whole}number nor a range such as 1-10 (+2)"
            errors.append(FieldError(axis.field, message))
            return []
        if len(written) > MAX_AXIS_VALUES:
            message = f"means more than {MAX_AXIS_VALUES} values, which is the most that an axis may have"
            errors.append(FieldError(axis.field, message, "limit_exceeded"))
            return []
    return written


def _range_values(found: re.Match[str], *, is_whole: bool) -> list[str]:
    """Return the values of a range, at most one more than an axis may have."""
    first, last = Decimal(found[1]), Decimal(found[2])
    if found[4] is not None:
        count = min(int(found[4]), MAX_AXIS_VALUES + 1)
        steps = max(count - 1, 1)
        values = [first + (last - first) * index / steps for index in range(count)]
    else:
        step = Decimal(found[3] or 1)
        # The Web UI's range has an end for each sign of the step; a step of nought has none.
        count = int((last - first) / step) + 1 if step else MAX_AXIS_VALUES + 1
        values = [first + step * index for index in range(min(count, MAX_AXIS_VALUES + 1))]
    return [str(int(value)) if is_whole else f"{value:f}" for value in values]
