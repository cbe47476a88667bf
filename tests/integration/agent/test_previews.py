"""The picture so far of a running task."""

import base64

import pytest

from contract.record import Status
from stub_webui.png_images import plain_png
from tests.integration.agent.conftest import World


@pytest.mark.parametrize("head", ["data:image/png;base64,", ""])
def test_a_preview_is_shown_while_the_task_runs_if_its_policy_asks_for_it(world: World, head: str) -> None:
    world.webui.preview = head + base64.b64encode(plain_png("half done")).decode()
    world.start_agent()
    message = world.submit("wanted", {"prompt": "wanted", "steps": 500}, policy={"preview": True})
    key = f"output/wanted/wanted-{message.run_id}-preview.png"

    world.eventually(lambda: world.read("wanted").preview_url == f"s3://{world.output_bucket}/{key}", "the preview")

    assert not world.read("wanted").is_final
    assert world.outputs()[key] == plain_png("half done")
    record = world.wait_for("wanted", Status.COMPLETED)
    assert record.preview_url is None
    assert len(record.image_urls) == 1


def test_nobody_gets_a_preview_unasked(world: World) -> None:
    world.webui.preview = base64.b64encode(plain_png("half done")).decode()
    world.start_agent()
    world.submit("plain", {"prompt": "plain", "steps": 300})

    world.wait_for("plain", Status.COMPLETED)

    assert not any("preview" in key for key in world.outputs())


def test_a_preview_that_is_no_picture_harms_nothing(world: World) -> None:
    world.webui.preview = "bm90IGEgcGljdHVyZQ=="
    world.start_agent()
    world.submit("odd", {"prompt": "odd", "steps": 300}, policy={"preview": True})

    world.wait_for("odd", Status.COMPLETED)

    assert not any("preview" in key for key in world.outputs())
