import pytest

from embedded_webui.generation.xyz_plot import read_plot
from embedded_webui.requests import TextToImageRequest


@pytest.mark.parametrize(
    ("axis", "text", "field", "values"),
    [
        ("Steps", "3, 1-5 (+2), 10-20 [3], 5-4", "steps", [3, 1, 3, 5, 10, 15, 20]),
        ("Steps", "9-1 (-4)", "steps", [9, 5]),
        ("Seed", "-1, 7", "seed", [-1, 7]),
        ("CFG Scale", "1-2 (+0.5), 3", "cfg_scale", [1, 1.5, 2, 3]),
        ("CFG Scale", "1-2 (+0.75)", "cfg_scale", [1, 1.75, 2.5]),
        ("Denoising", "0.2-0.8 [3]", "denoising_strength", [0.2, 0.5, 0.8]),
    ],
)
def test_ranges_are_written_out(axis: str, text: str, field: str, values: list[float]) -> None:
    plot = read_plot(TextToImageRequest(script_name="X/Y/Z plot", script_args=[axis, text, None]))
    assert [getattr(cell, field) for cell in plot.cells] == pytest.approx(values)
