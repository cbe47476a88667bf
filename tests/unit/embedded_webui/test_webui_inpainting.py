import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from embedded_webui import inpainting


def mask_of(box: tuple[int, int, int, int], size: tuple[int, int] = (64, 48)) -> Image.Image:
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    return mask


def prepare(drawn: Image.Image, *, only_masked: bool = True, inverted: bool = False) -> inpainting.Mask | None:
    return inpainting.prepare(
        drawn,
        size=(64, 48),
        target=(64, 64),
        inverted=inverted,
        blur=(0, 0),
        only_masked=only_masked,
        padding=4,
    )


def test_nothing_masked_is_no_mask_when_only_the_masked_part_is_wanted() -> None:
    assert prepare(Image.new("L", (8, 8))) is None
    assert prepare(Image.new("L", (8, 8)), only_masked=False) is not None


def test_the_work_is_around_what_is_masked() -> None:
    mask = prepare(mask_of((20, 20, 29, 24)))
    assert mask
    assert mask.box == (16, 14, 34, 32)


def test_transparent_masks_count_by_their_opacity() -> None:
    clear = Image.new("RGBA", (64, 48), (255, 255, 255, 0))
    assert prepare(clear) is None


@given(
    st.tuples(st.integers(0, 63), st.integers(0, 47), st.integers(0, 63), st.integers(0, 47)),
    st.integers(0, 80),
    st.tuples(st.integers(1, 16), st.integers(1, 16)),
)
def test_the_box_is_inside_the_picture_and_holds_the_mask(
    corners: tuple[int, int, int, int], padding: int, target: tuple[int, int]
) -> None:
    left, right = sorted(corners[::2])
    top, bottom = sorted(corners[1::2])
    found = (left, top, right + 1, bottom + 1)
    box = inpainting._work_box(found, size=(64, 48), target=target, padding=padding)
    assert 0 <= box[0] <= left < right + 1 <= box[2] <= 64
    assert 0 <= box[1] <= top < bottom + 1 <= box[3] <= 48


@pytest.mark.parametrize("inverted", [False, True])
def test_only_white_is_put_back(inverted: bool) -> None:
    drawn = mask_of((0, 0, 31, 47))
    mask = prepare(drawn, only_masked=False, inverted=inverted)
    assert mask
    original, result = Image.new("RGB", (64, 48), "red"), Image.new("RGB", (64, 48), "blue")
    left, right = ((0, 0, 255), (255, 0, 0))[:: -1 if inverted else 1]
    done = mask.put_back(result, original)
    assert (done.getpixel((0, 0)), done.getpixel((63, 0))) == (left, right)


def test_filling_brings_the_surroundings_in() -> None:
    picture = Image.new("RGB", (64, 48), "#208040")
    ImageDraw.Draw(picture).rectangle((24, 16, 40, 32), fill="white")
    filled = inpainting.fill(picture, mask_of((22, 14, 42, 34)))
    colour = filled.getpixel((32, 24))
    assert isinstance(colour, tuple)
    assert all(abs(one - other) < 30 for one, other in zip(colour, (0x20, 0x80, 0x40), strict=True))
