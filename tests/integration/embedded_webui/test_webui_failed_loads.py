"""Loads that fail at the embedded Web UI, whose loaded model then makes other pictures: no task gets one of them."""

import json
import logging
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.errors import InvalidTask
from contract.routing import Limits
from contract.task import Metadata, Task
from embedded_webui.web_ui import CHECKPOINT_FOLDER
from runtime_image.process.logs import EventLog
from runtime_image.webui.call import WebUiCall
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.engine import WebUiDraft, WebUiEngine
from runtime_image.webui.errors import CheckpointNotLoaded, WebUiUnclear
from tests.harness.still_clock import StillClock
from tests.integration.embedded_webui.conftest import CHECKPOINTS

pytestmark = [
    pytest.mark.xdist_group("embedded_webui"),
    pytest.mark.usefixtures("first_checkpoint"),
]

SMALL: dict[str, Any] = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64, "seed": 1}
#: Seconds for a generation on a busy machine.
DEADLINE_SECONDS = 90
#: A whole file that is no model.
HEADER = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
NO_MODEL = struct.pack("<Q", len(HEADER)) + HEADER + bytes(4)


@pytest.fixture
def client(web_ui_url: str) -> WebUiClient:
    return WebUiClient(base_url=web_ui_url)


@pytest.fixture
def engine(client: WebUiClient) -> WebUiEngine:
    return WebUiEngine(
        client=client,
        allowed_options=("sd_model_checkpoint",),
        limits=Limits(),
        clock=StillClock(),
        log=EventLog(logging.getLogger("load")),
    )


@pytest.fixture
def add_file(models_folder: Path, client: WebUiClient) -> Iterator[Path]:
    """A checkpoint that a test writes; the Web UI has a third one to load in between."""
    file = models_folder / CHECKPOINT_FOLDER / "other.safetensors"
    yield file
    file.unlink()
    client.ask("POST", "/sdapi/v1/refresh-checkpoints", b"{}", timeout_seconds=DEADLINE_SECONDS)


def draft(engine: WebUiEngine, checkpoint: str, **content: object) -> WebUiDraft:
    metadata = Metadata.model_validate({"id": "cat", "runtime": "sdruntime", "tasktype": "text-to-image"})
    drafted = engine.draft(Task(metadata=metadata, content={**SMALL, **content}), checkpoint=checkpoint)
    drafted.check(timeout_seconds=DEADLINE_SECONDS)
    return drafted


def call(engine: WebUiEngine, checkpoint: str, **content: object) -> WebUiCall:
    drafted = draft(engine, checkpoint, **content)
    return drafted.call({})


def picture(engine: WebUiEngine, checkpoint: str) -> bytes:
    """Return the picture of a task, set up as the agent does."""
    asked = call(engine, checkpoint)
    if not asked.is_set_up():
        asked.set_up()
    (made,) = asked.read_outputs(asked.run(timeout_seconds=DEADLINE_SECONDS)).files
    assert isinstance(made.content, bytes)
    return made.content


def test_the_next_task_of_the_loaded_model_gets_its_usual_picture(engine: WebUiEngine, add_file: Path) -> None:
    whole = picture(engine, CHECKPOINTS.first)
    add_file.write_bytes(NO_MODEL)

    with pytest.raises(CheckpointNotLoaded, match=r"other\.safetensors"):
        call(engine, "other").set_up()

    assert picture(engine, CHECKPOINTS.first) == whole


def test_a_model_that_does_not_load_within_a_request_spoils_no_other_task(engine: WebUiEngine, add_file: Path) -> None:
    whole = picture(engine, CHECKPOINTS.first)
    add_file.write_bytes(NO_MODEL)
    second_pass = call(engine, CHECKPOINTS.first, enable_hr=True, denoising_strength=0.5, hr_checkpoint_name="other")
    assert second_pass.is_exclusive

    with pytest.raises(WebUiUnclear, match="UnsupportedModel"):
        second_pass.run(timeout_seconds=DEADLINE_SECONDS)

    assert picture(engine, CHECKPOINTS.first) == whole


def test_a_task_that_sets_a_checkpoint_as_an_option_spoils_no_other_task(engine: WebUiEngine, add_file: Path) -> None:
    whole = picture(engine, CHECKPOINTS.first)
    add_file.write_bytes(NO_MODEL)
    content = {
        "api": {"method": "POST", "endpoint": "/sdapi/v1/options"},
        "payload": {"sd_model_checkpoint": "other.safetensors"},
    }
    metadata = Metadata.model_validate({"id": "cat", "runtime": "sdruntime", "tasktype": "webui-api"})
    drafted = engine.draft(Task(metadata=metadata, content=content), checkpoint=None)
    drafted.check(timeout_seconds=DEADLINE_SECONDS)

    with pytest.raises(CheckpointNotLoaded):
        drafted.call({}).run(timeout_seconds=DEADLINE_SECONDS)

    assert picture(engine, CHECKPOINTS.first) == whole


@pytest.mark.parametrize("part", [7, 40, len(NO_MODEL) - 1])
def test_a_cut_file_fails_its_task_by_name_before_the_web_ui_reads_it(
    engine: WebUiEngine, client: WebUiClient, add_file: Path, part: int
) -> None:
    add_file.write_bytes(NO_MODEL[:part])

    for content in ({}, {"refiner_checkpoint": "other", "refiner_switch_at": 0.5}):
        with pytest.raises(InvalidTask, match=r"the file of the checkpoint 'other\.safetensors' is broken") as failure:
            draft(engine, CHECKPOINTS.first if content else "other", **content)
        assert failure.value.as_dict()["code"] == "broken_model"

    assert client.ask("GET", "/sdapi/v1/options")["sd_model_checkpoint"].startswith(CHECKPOINTS.first)
