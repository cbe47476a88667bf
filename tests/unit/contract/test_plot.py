"""X/Y/Z plots: ranges written out as the Web UI reads them, and their bounds."""

from typing import Any

import pytest

from contract.errors import FieldError
from contract.plot import MAX_CELLS, read_plot
from contract.script_tables import IMAGE_TO_IMAGE_AXES, TEXT_TO_IMAGE_AXES


def plot(*axes: tuple[str, str], labels: list[str] | tuple[str, ...] = TEXT_TO_IMAGE_AXES) -> list[Any]:
    """Return the arguments of a plot over axes with these texts."""
    places: list[Any] = []
    for label, values in [*axes, *[("Nothing", "")] * (3 - len(axes))]:
        places += [labels.index(label), values, []]
    return [*places, *[False] * 7, 0, True]


@pytest.mark.parametrize(
    ("label", "given", "written"),
    [
        ("Steps", "20,30", "20, 30"),
        ("Seed", "1-5", "1, 2, 3, 4, 5"),
        ("Seed", "-2 - 2 (+2)", "-2, 0, 2"),
        ("Steps", "10-20 [3]", "10, 15, 20"),
        ("CFG Scale", "5-7", "5, 6, 7"),
        ("CFG Scale", "1-2 (+0.5)", "1.0, 1.5, 2.0"),
        ("CFG Scale", "7.5", "7.5"),
        ("Denoising", "0-1 [2], 0.5", "0, 1, 0.5"),
        ("Prompt S/R", "a cat, a dog", "a cat, a dog"),
        ("Size", "512x512", "512x512"),
    ],
)
def test_the_values_of_an_axis_are_written_out(label: str, given: str, written: str) -> None:
    errors: list[FieldError] = []
    read = read_plot(plot((label, given)), with_input=False, field="script_args", errors=errors)
    assert (read[1], errors) == (written, [])


@pytest.mark.parametrize("label", ["Seed", "Steps"])
@pytest.mark.parametrize("given", ["5-1", "1-5 (-1)", "1-5 [0]", "7, 5-1"])
def test_an_empty_range_is_refused(label: str, given: str) -> None:
    """The Web UI draws no picture for an axis without values."""
    errors: list[FieldError] = []
    read_plot(plot((label, given)), with_input=False, field="script_args", errors=errors)
    (error,) = errors
    assert error.field == "script_args[1]"
    assert "is an empty range" in error.message


def test_all_axes_together_have_a_bound() -> None:
    errors: list[FieldError] = []
    arguments = plot(("Seed", "1-10"), ("Steps", "1-10"), ("CFG Scale", "1-10"))
    read_plot(arguments, with_input=False, field="script_args", errors=errors)
    (error,) = errors
    assert error == FieldError(
        "script_args", f"draw a plot of 1000 pictures; {MAX_CELLS} are accepted", "limit_exceeded"
    )


def test_image_to_image_has_axes_of_its_own() -> None:
    assert IMAGE_TO_IMAGE_AXES.index("Image CFG Scale") == 6
    assert IMAGE_TO_IMAGE_AXES.index("Cond. Image Mask Weight") == 27
    assert len(IMAGE_TO_IMAGE_AXES) == 41
    errors: list[FieldError] = []
    arguments = plot(("Size", "64x64"))
    read_plot(arguments, with_input=True, field="script_args", errors=errors)
    assert [error.field for error in errors] == ["script_args[0]"]
