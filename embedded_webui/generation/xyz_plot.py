"""The script "x/y/z plot": one image for each combination of values, on one sheet."""

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, cast

from embedded_webui.generation.run import choose_seeds
from embedded_webui.lists import LISTS
from embedded_webui.requests import GenerationRequest, ImageToImageRequest

NAME: Final = "x/y/z plot"
#: Field of a request that an axis sets, and the type of its values, by the label of the axis.
_FIELDS: Final[Mapping[str, tuple[str, type[int | float | str]]]] = {
    "Seed": ("seed", int),
    "Var. seed": ("subseed", int),
    "Var. strength": ("subseed_strength", float),
    "Steps": ("steps", int),
    "Hires steps": ("hr_second_pass_steps", int),
    "CFG Scale": ("cfg_scale", float),
    "Sampler": ("sampler_name", str),
    "Hires sampler": ("hr_sampler_name", str),
    "Schedule type": ("scheduler", str),
    "Denoising": ("denoising_strength", float),
    "Hires upscaler": ("hr_upscaler", str),
}
#: Axes whose values a page offers in a list. Their values come in the argument after the text.
_CHOSEN: Final = frozenset({"Sampler", "Hires sampler", "Checkpoint name", "Schedule type", "Hires upscaler"})
#: `1-10`, `1-10 (+3)` with a step, or `1-10 [4]` with a number of values.
_RANGE: Final = re.compile(r"\s*([+-]?[\d.]+)\s*-\s*([+-]?[\d.]+)(?:\s*(?:\(([+-][\d.]+)\s*\)|\[(\d+)\s*\]))?\s*")
_NO_AXIS: Final = "Nothing"
_REPLACEMENT: Final = "Prompt S/R"
_CHECKPOINT: Final = "Checkpoint name"
#: Arguments: three for each axis, then whether all cells are answered, whether seeds stay random, and whether values
#: come as text.
_CELLS_INCLUDED, _SEEDS_RANDOM, _AS_TEXT = 10, 12, 17


@dataclass(frozen=True, kw_only=True)
class Plot:
    """The cells of a sheet, row by row; the rows of one z value follow those of the last."""

    cells: list[GenerationRequest]
    columns: int
    with_cells: bool
    #: Settings in the infotext of the sheet.
    settings: dict[str, str]

    @property
    def overrides(self) -> set[str]:
        """Options that any cell overrides."""
        return {name for cell in self.cells for name in cell.override_settings or ()}


def read_plot(request: GenerationRequest) -> Plot:
    """Return the cells that a request asks for."""
    tab = isinstance(request, ImageToImageRequest)
    entry = next(entry for entry in LISTS["script-info"] if (entry["name"], entry["is_img2img"]) == (NAME, tab))
    labels: list[str] = entry["args"][0]["choices"]
    given = list(request.script_args or [])
    arguments = given + [argument["value"] for argument in entry["args"][len(given) :]]
    first = request.model_copy(update={"script_name": None})
    if not arguments[_SEEDS_RANDOM]:
        seeds = choose_seeds(request, count=1)
        first = first.model_copy(update={"seed": seeds.seeds[0], "subseed": seeds.subseeds[0]})
    axes = []
    for start in (0, 3, 6):
        kind, text, chosen = arguments[start : start + 3]
        label = kind if isinstance(kind, str) else labels[kind or 0]
        axes.append((label, _values(label, text, chosen, as_text=arguments[_AS_TEXT])))
    cells = []
    for z, y, x in product(*(values for _, values in reversed(axes))):
        cell = first
        for (label, values), value in zip(axes, (x, y, z), strict=True):
            cell = cell.model_copy(update=_change(cell, label, value, values[0]))
        cells.append(cell)
    settings = {"Script": "X/Y/Z plot"}
    for axis, (label, values) in zip("XYZ", axes, strict=True):
        if label != _NO_AXIS:
            settings |= {f"{axis} Type": label, f"{axis} Values": ", ".join(map(str, values))}
    columns = len(axes[0][1])
    return Plot(cells=cells, columns=columns, with_cells=bool(arguments[_CELLS_INCLUDED]), settings=settings)


def _values(label: str, text: str, chosen: list[str] | None, *, as_text: bool) -> list[Any]:
    if label == _NO_AXIS:
        return [0]
    if label not in _FIELDS and label not in {_REPLACEMENT, _CHECKPOINT}:
        raise NotImplementedError(f"the embedded Web UI has no axis {label!r}")
    if label in _CHOSEN and not as_text:
        if chosen is None:
            raise csv.Error("iterable expected, not NoneType")
        texts = list(chosen)
    else:
        texts = [value.strip() for row in csv.reader([text], skipinitialspace=True) for value in row]
    kind = _FIELDS[label][1] if label in _FIELDS else str
    values = [value for text in texts for value in _expanded(text, kind)]
    if label == "Sampler":
        known = {entry["name"] for entry in LISTS["samplers"]}
        if unknown := [value for value in values if value not in known]:
            raise RuntimeError(f"Unknown sampler: {unknown[0]}")
    return values


def _expanded(text: str, kind: type[int | float | str]) -> list[Any]:
    """Return the value of a text, or those of a range; one of fractions may end a step late, as in the Web UI."""
    found = _RANGE.fullmatch(text)
    if kind is str or not found:
        return [kind(text)]
    first, last, step = (cast("Any", kind(number)) for number in (found[1], found[2], found[3] or 1))
    if found[4]:
        parts = max(1, int(found[4]) - 1)
        return [kind(first + (last - first) * number / parts) for number in range(int(found[4]))]
    if kind is int:
        return list(range(first, last + 1, step))
    return [first + number * step for number in range(math.ceil((last - first) / step + 1))]


def _change(cell: GenerationRequest, label: str, value: Any, first: Any) -> dict[str, Any]:
    """Return the fields that one value of an axis changes."""
    if label == _CHECKPOINT:
        return {"override_settings": {**(cell.override_settings or {}), "sd_model_checkpoint": value}}
    if label == _REPLACEMENT:
        if first not in cell.prompt and first not in cell.negative_prompt:
            raise RuntimeError(f"Prompt S/R did not find {first} in prompt or negative prompt.")
        return {name: getattr(cell, name).replace(first, value) for name in ("prompt", "negative_prompt")}
    return {_FIELDS[label][0]: value} if label in _FIELDS else {}
