import io

import pytest
from PIL import Image

from stub_webui.png_images import noisy_png, with_text


def test_the_picture_is_one_and_as_large_as_wanted() -> None:
    data = with_text(noisy_png(side_pixels=512, kilobytes=450), "a cat")

    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.info == {"parameters": "a cat"}
        assert image.size == (512, 512)
    assert len(data) == pytest.approx(450_000, rel=0.02)


def test_a_picture_holds_no_more_than_its_pixels() -> None:
    with pytest.raises(ValueError, match="64x64"):
        noisy_png(side_pixels=64, kilobytes=450)
