"""The trained tiny model draws what a prompt says, at the smallest size and number of steps that show it."""

import httpx
import pytest

from benchmarks.picture_judge.scene import judge_picture, scene
from tests.integration.embedded_webui.conformance import opened

pytestmark = [pytest.mark.xdist_group("embedded_webui"), pytest.mark.usefixtures("first_checkpoint")]


@pytest.mark.parametrize("words", ["green circle", "black cross", "blue square", "yellow cross"])
def test_a_picture_shows_its_prompt(web_ui: httpx.Client, words: str) -> None:
    request = {"prompt": scene(words).prompt, "seed": 1, "steps": 8, "width": 256, "height": 256}
    (image,) = web_ui.post("/txt2img", json=request).json()["images"]
    judgement = judge_picture(opened(image), scene(words))
    assert judgement.has_objects, judgement.found
