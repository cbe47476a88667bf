from typing import Any

import pytest
from PIL import Image

from embedded_webui.images import captions, upscalers
from embedded_webui.requests import ExtrasRequest


@pytest.mark.parametrize(
    ("size", "fields", "result"),
    [
        ((32, 32), {"upscaler_1": "None"}, (32, 32)),
        ((32, 32), {"upscaler_1": "Lanczos"}, (64, 64)),
        ((7, 7), {"upscaler_1": "Nearest", "upscaling_resize": 9}, (56, 56)),
        ((32, 32), {"resize_mode": 1, "upscaling_resize_w": 48, "upscaling_resize_h": 64}, (48, 64)),
        (
            (32, 32),
            {"resize_mode": 1, "upscaling_resize_w": 48, "upscaling_resize_h": 64, "upscaling_crop": False},
            (64, 64),
        ),
        ((16, 16), {"upscaler_2": "Nearest", "extras_upscaler_2_visibility": 0.5}, (32, 32)),
    ],
)
def test_pictures_get_the_size_that_the_web_ui_gives_them(
    size: tuple[int, int], fields: dict[str, Any], result: tuple[int, int]
) -> None:
    request = ExtrasRequest.model_validate({"upscaler_1": "Lanczos", **fields})
    assert upscalers.postprocess(Image.new("RGB", size), request)[0].size == result


def test_unknown_upscalers_are_refused() -> None:
    with pytest.raises(AssertionError, match="could not find upscaler named NoSuch"):
        upscalers.postprocess(Image.new("RGB", (8, 8)), ExtrasRequest(upscaler_1="NoSuch"))


def test_a_caption_names_what_covers_most_first() -> None:
    image = Image.new("RGB", (32, 32), "white")
    image.paste("royalblue", (0, 0, 10, 32))
    assert captions.caption(image) == "a picture in white and royalblue"
    assert captions.caption(Image.new("L", (8, 8))) == "a picture in black"
