"""Units of ControlNet: public programs write them in more forms than the ControlNet of the image reads."""

from typing import Any

import pytest

from contract.control_net import control_net_unit
from contract.errors import FieldError

PICTURE = "iVBORw0KGgo="
LINK = "https://example.com/a.png"


def read(unit: dict[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    errors: list[FieldError] = []
    return control_net_unit(unit, "x", errors), errors


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        # "Conflict of field 'guidance' and 'guidance_end'", answers ControlNet.
        ({"guidance": 1, "guidance_end": 0.8}, {"guidance_end": 0.8}),
        ({"input_image": PICTURE, "image": LINK}, {"image": LINK}),
        ({"lowvram": False, "low_vram": True}, {"low_vram": True}),
        ({"mask_image": PICTURE, "mask": LINK}, {"mask": LINK}),
        ({"guidance": 0.5, "lowvram": True, "input_image": LINK}, None),
    ],
)
def test_of_a_field_under_two_names_the_present_one_is_sent(given: dict[str, Any], sent: dict[str, Any] | None) -> None:
    assert read(given) == (sent or given, [])


@pytest.mark.parametrize(
    ("field", "given", "sent"),
    [
        ("resize_mode", 0, "Just Resize"),
        ("resize_mode", "2", "Resize and Fill"),
        ("resize_mode", "Scale to Fit (Inner Fit)", "Crop and Resize"),
        ("resize_mode", "crop and resize", "Crop and Resize"),
        ("control_mode", 2, "ControlNet is more important"),
        ("control_mode", "My prompt is more important", "My prompt is more important"),
    ],
)
def test_modes_are_sent_by_their_names(field: str, given: object, sent: str) -> None:
    assert read({field: given}) == ({field: sent}, [])


@pytest.mark.parametrize("given", [3, -1, True, 1.5, "Inner", ["Balanced"], 10**400])
def test_an_unknown_mode_is_refused_with_the_modes(given: object) -> None:
    (error,) = read({"resize_mode": given})[1]
    assert error.field == "x.resize_mode"
    assert "Just Resize, Crop and Resize, Resize and Fill" in error.message


def test_a_unit_copied_from_the_page_is_sent_without_the_fields_of_the_page() -> None:
    page: dict[str, Any] = {
        "advanced_weighting": None,
        "animatediff_batch": False,
        "batch_image_dir": "",
        "batch_image_files": [],
        "batch_images": "",
        "batch_keyframe_idx": None,
        "batch_mask_gallery": [],
        "input_mode": "simple",
        "ipadapter_input": None,
        "is_ui": True,
        "loopback": False,
        "output_dir": "",
        "use_preview_as_input": False,
    }
    older = {"guessmode": False, "invert_image": False, "rgbbgr_mode": False}
    unit = {"enabled": True, "image": {"image": LINK, "mask": None}, "module": "canny", "weight": 1.0}
    assert read(page | older | unit) == (unit | {"image": {"image": LINK}}, [])


@pytest.mark.parametrize(
    ("field", "value"),
    [("input_mode", "batch"), ("batch_images", "/a"), ("loopback", True), ("guessmode", True), ("is_ui", "/a")],
)
def test_a_field_of_the_page_that_asks_for_something_is_refused(field: str, value: object) -> None:
    assert [error.field for error in read({field: value})[1]] == [f"x.{field}"]


def test_empty_texts_are_left_out() -> None:
    given = {"image": {"image": LINK, "mask": ""}, "mask": "", "module": "", "resize_mode": ""}
    assert read(given) == ({"image": {"image": LINK}}, [])
    assert read({"image": [{"image": LINK, "mask": ""}]}) == ({"image": [{"image": LINK}]}, [])


def test_a_list_of_pictures_is_a_picture_and_its_mask() -> None:
    assert read({"image": [LINK, PICTURE]}) == ({"image": [LINK, PICTURE]}, [])
    for pictures in ([LINK], [LINK] * 3, []):
        (error,) = read({"input_image": pictures})[1]
        assert error.field == "x.input_image"
        assert f"a list of {len(pictures)}; write one picture without a list" in error.message
