"""The picture so far of a running task."""

import base64

import pytest

from contract.record import Status
from stub_webui.png_images import plain_png
from tests.integration.agent.harness import Harness


@pytest.mark.parametrize("head", ["data:image/png;base64,", ""])
def test_a_preview_is_shown_while_the_task_runs_if_its_policy_asks_for_it(harness: Harness, head: str) -> None:
    harness.webui.preview = head + base64.b64encode(plain_png("half done")).decode()
    harness.start_agent()
    message = harness.submit("wanted", {"prompt": "wanted", "steps": 500}, policy={"preview": True})
    key = f"output/wanted/wanted-{message.run_id}-preview.png"

    harness.eventually(
        lambda: harness.read("wanted").preview_url == f"s3://{harness.output_bucket}/{key}", "the preview"
    )

    assert not harness.read("wanted").is_final
    assert harness.outputs()[key] == plain_png("half done")
    record = harness.wait_for("wanted", Status.COMPLETED)
    assert record.preview_url is None
    assert len(record.image_urls) == 1


def test_nobody_gets_a_preview_unasked(harness: Harness) -> None:
    harness.webui.preview = base64.b64encode(plain_png("half done")).decode()
    harness.start_agent()
    harness.submit("plain", {"prompt": "plain", "steps": 300})

    harness.wait_for("plain", Status.COMPLETED)

    assert not any("preview" in key for key in harness.outputs())


def test_a_preview_that_is_no_picture_harms_nothing(harness: Harness) -> None:
    harness.webui.preview = "bm90IGEgcGljdHVyZQ=="
    harness.start_agent()
    harness.submit("odd", {"prompt": "odd", "steps": 300}, policy={"preview": True})

    harness.wait_for("odd", Status.COMPLETED)

    assert not any("preview" in key for key in harness.outputs())
