"""An infotext fills in what a request leaves out, at the edge, as the Web UI would."""

from typing import Any

import pytest

from contract.infotext import fill_from_infotext

TEXT = (
    "a dog\nin the rain\nNegative prompt: bad,\nworse\nSteps: 2, Sampler: Euler a, CFG scale: 3, Seed: 7, Size: 64x72,"
    ' Clip skip: 2, Denoising strength: 0.5, Hires upscale: 4, Hires prompt: "a, \\"b\\"", Version: v1.10.1'
)


def filled(body: dict[str, Any], *, with_second_pass: bool = True) -> dict[str, Any]:
    return fill_from_infotext(body, with_second_pass=with_second_pass)[0]


def test_the_fields_of_an_infotext_are_filled_in() -> None:
    first = {
        "prompt": "a dog\nin the rain",
        "negative_prompt": "bad,\nworse",
        "steps": "2",
        "sampler_name": "Euler a",
        "cfg_scale": "3",
        "seed": "7",
        "width": "64",
        "height": "72",
        "denoising_strength": "0.5",
        "override_settings": {"CLIP_stop_at_last_layers": "2"},
    }
    second = {"hr_scale": "4", "hr_prompt": 'a, "b"', "enable_hr": True}
    assert filled({"infotext": TEXT}) == first | second
    assert filled({"infotext": TEXT}, with_second_pass=False) == first


def test_what_the_request_says_has_precedence() -> None:
    body = {"steps": 9, "width": None, "override_settings": {"CLIP_stop_at_last_layers": 1, "sd_vae": "a"}}
    read, names = fill_from_infotext(body | {"infotext": TEXT}, with_second_pass=False)
    assert read | body == read
    assert not {"steps", "width"} & set(names)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog", {"prompt": "a dog", "negative_prompt": ""}),
        ("", {"prompt": "", "negative_prompt": ""}),
        ("Steps: 2, Seed: 1", {"prompt": "Steps: 2, Seed: 1", "negative_prompt": ""}),
        (
            'a\nSteps: "2, Seed: 1, Size: 1x1',
            {"prompt": "a", "negative_prompt": "", "steps": '"2', "seed": "1", "width": "1", "height": "1"},
        ),
    ],
)
def test_a_text_without_settings_is_a_prompt(text: str, expected: dict[str, Any]) -> None:
    assert filled({"infotext": text}) == expected


@pytest.mark.parametrize("value", [None, 5, ["Steps: 2"], {}])
def test_what_is_no_text_is_left_to_its_reader(value: object) -> None:
    assert fill_from_infotext({"infotext": value}, with_second_pass=True) == ({"infotext": value}, [])
