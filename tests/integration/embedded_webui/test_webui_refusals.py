"""Requests that SD Web UI v1.10.1 refuses by an exception: the engine blames the request, and the next one works."""

import logging
from typing import Any

import pytest

from contract.routing import Limits
from contract.task import Metadata, Task
from runtime_image.process.engine import UnclearFailure
from runtime_image.process.logs import EventLog
from runtime_image.webui.call import WebUiCall
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.engine import WebUiEngine
from runtime_image.webui.errors import WebUiRefused
from tests.harness.still_clock import StillClock
from tests.integration.embedded_webui.conformance import drawn, encoded
from tests.integration.embedded_webui.conftest import CHECKPOINTS

pytestmark = [
    pytest.mark.xdist_group("embedded_webui"),
    pytest.mark.usefixtures("first_checkpoint"),
]

SMALL: dict[str, Any] = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64, "seed": 1}
HIRES: dict[str, Any] = {"enable_hr": True, "denoising_strength": None}
DEADLINE_SECONDS = 90


@pytest.fixture
def engine(web_ui_url: str) -> WebUiEngine:
    client = WebUiClient(base_url=web_ui_url)
    return WebUiEngine(
        client=client, allowed_options=(), limits=Limits(), clock=StillClock(), log=EventLog(logging.getLogger("load"))
    )


def call(engine: WebUiEngine, tasktype: str, content: dict[str, Any]) -> WebUiCall:
    metadata = Metadata.model_validate({"id": "cat", "runtime": "sdruntime", "tasktype": tasktype})
    draft = engine.draft(Task(metadata=metadata, content=content), checkpoint=CHECKPOINTS.first)
    draft.check(timeout_seconds=DEADLINE_SECONDS)
    asked = draft.call({})
    asked.set_up()
    return asked


def run(asked: WebUiCall) -> object:
    """Run a call, and its trial if it fails in an unclear way, as the agent does."""
    try:
        return asked.run(timeout_seconds=DEADLINE_SECONDS)
    except UnclearFailure as failure:
        trial = asked.on_trial(failure)
        assert trial is not None
        return trial.run(timeout_seconds=DEADLINE_SECONDS)


@pytest.mark.parametrize(
    ("tasktype", "content", "words"),
    [
        (
            "image-to-image",
            SMALL | {"init_images": [encoded(drawn())] * 2},
            "RuntimeError: bad number of images passed",
        ),
        ("image-to-image", SMALL | {"init_images": []}, "RuntimeError: Expected 3D"),
        ("text-to-image", SMALL | {"sampler_name": "DPM++ 2M SDE"}, "UnboundLocalError: local variable 'h'"),
        (
            "text-to-image",
            SMALL | {"script_name": "X/Y/Z plot", "script_args": ["Sampler", "", None]},
            "Error: iterable expected",
        ),
        ("text-to-image", SMALL | HIRES, "TypeError: '>' not supported"),
        ("text-to-image", SMALL | {"batch_size": 0}, "IndexError: list index out of range"),
        ("text-to-image", SMALL | {"script_name": "prompt matrix"}, "NotImplementedError"),
        ("interrogate", {"image": encoded(drawn()), "model": "deepdanbooru"}, "IndexError: list index out of range"),
    ],
)
def test_a_request_that_raises_an_exception_is_refused_by_its_words(
    engine: WebUiEngine, tasktype: str, content: dict[str, Any], words: str
) -> None:
    with pytest.raises(WebUiRefused) as refused:
        run(call(engine, tasktype, content))

    assert words in refused.value.message
    assert run(call(engine, "text-to-image", SMALL))
