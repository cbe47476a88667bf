"""Masks of image-to-image.

The tests import diffusers when they run, because every process of a parallel run imports this file to collect tests.
"""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from embedded_webui.requests import ImageToImageRequest

if TYPE_CHECKING:
    from embedded_webui.images.masks import Mask

pytestmark = pytest.mark.xdist_group("embedded_webui")

SIZE = (64, 48)


def mask_of(box: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> Image.Image:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return mask


def prepare(
    drawn: Image.Image,
    *,
    only_masked: bool = True,
    inverted: bool = False,
    rounded: bool = True,
    padding: int = 4,
    side: int = 64,
) -> "Mask | None":
    from embedded_webui.images.masks import prepare_mask  # noqa: PLC0415 - see above

    request = ImageToImageRequest(
        mask_blur=0,
        mask_round=rounded,
        inpaint_full_res=only_masked,
        inpaint_full_res_padding=padding,
        inpainting_mask_invert=int(inverted),
    )
    return prepare_mask(drawn, request, size=SIZE, target=(side, 64))


def test_an_empty_mask_is_no_mask_when_only_the_masked_part_is_wanted() -> None:
    assert prepare(Image.new("L", (8, 8))) is None
    assert prepare(Image.new("L", (8, 8)), only_masked=False) is not None


def test_the_sampled_region_is_around_the_masked_part() -> None:
    mask = prepare(mask_of((20, 20, 29, 24)))
    assert mask
    assert mask.box == (16, 14, 34, 32)


def test_transparent_masks_count_by_their_opacity() -> None:
    clear = Image.new("RGBA", SIZE, (255, 255, 255, 0))
    assert prepare(clear) is None


@pytest.mark.parametrize(
    ("opacity", "rounded", "white"), [(128, True, 0), (129, True, 255), (100, False, 100), (200, False, 200)]
)
def test_a_mask_that_is_half_clear_is_rounded_unless_the_request_says_otherwise(
    *, opacity: int, rounded: bool, white: int
) -> None:
    # One opaque pixel, so that the mask is never empty.
    drawn = Image.new("RGBA", SIZE, (255, 255, 255, opacity))
    drawn.putpixel((0, 0), (0, 0, 0, 255))
    mask = prepare(drawn, rounded=rounded)
    assert mask
    assert mask.image.getpixel((30, 30)) == white


def test_a_mask_of_another_size_is_scaled_to_the_picture() -> None:
    mask = prepare(Image.new("1", (7, 5), 1))
    assert mask
    assert (mask.image.size, mask.image.getextrema()) == (SIZE, (255, 255))


@settings(deadline=None)
@given(
    st.tuples(st.integers(0, 63), st.integers(0, 47), st.integers(0, 63), st.integers(0, 47)),
    st.integers(0, 80),
    st.integers(8, 128),
)
def test_the_region_is_inside_the_image_and_holds_the_mask(
    corners: tuple[int, int, int, int], padding: int, side: int
) -> None:
    left, right = sorted(corners[::2])
    top, bottom = sorted(corners[1::2])
    mask = prepare(mask_of((left, top, right, bottom)), padding=padding, side=side)
    assert mask
    assert mask.box
    assert 0 <= mask.box[0] <= left < right + 1 <= mask.box[2] <= SIZE[0]
    assert 0 <= mask.box[1] <= top < bottom + 1 <= mask.box[3] <= SIZE[1]


@pytest.mark.parametrize("inverted", [False, True])
def test_only_white_is_put_back(inverted: bool) -> None:
    mask = prepare(mask_of((0, 0, 31, 47)), only_masked=False, inverted=inverted)
    assert mask
    original, result = Image.new("RGB", (64, 64), "red"), Image.new("RGB", (64, 64), "blue")
    left, right = ((0, 0, 255), (255, 0, 0))[:: -1 if inverted else 1]
    done = mask.put_back(result, original)
    assert (done.getpixel((0, 0)), done.getpixel((63, 0))) == (left, right)


def test_the_fill_carries_the_surroundings_into_the_masked_part() -> None:
    from embedded_webui.images.masks import fill  # noqa: PLC0415 - see above

    image = Image.new("RGB", SIZE, "#208040")
    ImageDraw.Draw(image).rectangle((24, 16, 40, 32), fill="white")
    colour = fill(image, mask_of((22, 14, 42, 34))).getpixel((32, 24))
    assert isinstance(colour, tuple)
    assert all(abs(one - other) < 30 for one, other in zip(colour, (0x20, 0x80, 0x40), strict=True))
