"""Workflows through a real agent and the embedded ComfyUI: outputs, cancels, and whatever ComfyUI does wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.picture_formats import detect_format
from stub_webui.web_ui import StubWebUi
from tests.integration.agent.comfyui import ComfyUi, ComfyUiHarness, serve_comfyui
from tests.integration.agent.harness import stopping

pytestmark = pytest.mark.xdist_group("agent_comfyui")


@pytest.fixture(scope="module")
def shared_comfyui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyUi]:
    with serve_comfyui(tmp_path_factory.mktemp("comfyui"), "--stub-seconds", "0.02") as comfyui:
        yield comfyui


@pytest.fixture
def harness(aws_endpoint: str, tmp_path: Path, shared_comfyui: ComfyUi) -> Iterator[ComfyUiHarness]:
    webui = StubWebUi(settings_file=tmp_path / "config.json")
    with stopping(ComfyUiHarness(aws_endpoint, tmp_path, webui, comfyui=shared_comfyui)) as harness:
        yield harness


def test_a_workflow_comes_back_as_a_picture_and_leaves_no_file(harness: ComfyUiHarness) -> None:
    harness.start_agent()
    harness.submit_workflow("cat")

    record = harness.completed("cat")
    (url,) = record.image_urls
    picture = harness.outputs()[url.partition(f"s3://{harness.output_bucket}/")[2]]
    found = detect_format(picture)
    assert found is not None
    assert found.extension == "png"
    response = harness.response(record)
    saved = response["outputs"]["9"]
    assert (saved["class_type"], saved["title"]) == ("SaveImage", "Save Image")
    assert saved["images"] == [
        {"filename": "ComfyUI_00001_.png", "subfolder": "", "type": "output", "n": 1, "s3_url": url}
    ]
    harness.wait_until_queue_is_empty()
    assert harness.comfyui.files() == []
    assert harness.comfyui.ask("/history") == {}
