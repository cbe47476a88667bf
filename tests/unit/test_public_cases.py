"""Payloads of public reports, from the edge to the call of the Web UI; docs/reference/cases.md lists all reports."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from contract.errors import InvalidTask
from contract.submission import Submission
from contract.task import TaskType
from runtime_image.webui.names import kinds
from runtime_image.webui.names.referenced import names_in
from runtime_image.webui.request import WebUiRequest, build_request, content_of
from tests.unit.contract.test_submission import PICTURE, parse, refusals, task

PROJECT: Final = Path(__file__).parents[2]
SMALL: Final = {"prompt": "a red boat", "steps": 2, "width": 64, "height": 64, "seed": 7}


def submitted(content: dict[str, Any], tasktype: str = "text-to-image") -> Submission:
    return parse(task(SMALL | content, tasktype=tasktype))


def request_of(submission: Submission) -> WebUiRequest:
    """Return the call that an agent sends for a task without links."""
    description = submission.task
    body, _ = content_of(description.metadata.tasktype, description.content)
    return build_request(description.metadata.tasktype, description.content, body)


@pytest.mark.parametrize("off", ["False", "false", 0, False, None])
def test_a_lora_is_looked_for_whatever_form_false_has(off: object) -> None:
    content = submitted({"prompt": "a boat <lora:ink:0.8>", "disable_extra_networks": off}).task.content
    assert (kinds.LORA, "ink") in [named[:2] for named in names_in("/sdapi/v1/txt2img", content, "task.content")]
    assert content.get("disable_extra_networks") in {False, None}


@pytest.mark.parametrize("off", ["False", 0, False])
def test_no_pictures_are_asked_for_in_any_form(off: object) -> None:
    assert request_of(submitted({"send_images": off})).sends_no_pictures


def test_numbers_in_text_make_the_picture_of_the_numbers() -> None:
    text = {name: str(value) for name, value in SMALL.items()}
    assert submitted(text).task.content == submitted({}).task.content
    assert set(refusals(task(text | {"width": "99999"}))) == {"task.content.width"}


#: What the extension that displays payloads copies.
DISPLAYED: Final[dict[str, Any]] = {
    **dict.fromkeys(("styles", "script_name", "script_args", "override_settings")),
    "alwayson_scripts": {name: {"args": []} for name in ("Refiner", "Seed", "Sampler", "Extra options")},
}


def test_a_displayed_payload_asks_for_nothing_more() -> None:
    submission = submitted(DISPLAYED)
    assert submission.task.content == SMALL | {"alwayson_scripts": DISPLAYED["alwayson_scripts"]}
    assert submission.unknown_fields == ()
    scripts = DISPLAYED["alwayson_scripts"] | {"API payload": {"args": []}}
    with pytest.raises(InvalidTask) as refusal:
        submitted(DISPLAYED | {"alwayson_scripts": scripts})
    assert refusal.value.as_dict()["code"] == "unknown_script"
    assert [detail.field for detail in refusal.value.details] == ["task.content.alwayson_scripts.API payload"]


def test_default_arguments_of_scripts_are_passed_on() -> None:
    scripts = {
        "Seed": {"args": [-1, False, -1, 0, 0, 0]},
        "Refiner": {"args": [False, "", 0.8]},
        "Sampler": {"args": [2, "Euler", "Automatic"]},
    }
    assert submitted({"alwayson_scripts": scripts}).task.content["alwayson_scripts"] == scripts


def test_a_mask_with_a_joined_sampler_is_a_job() -> None:
    payload = SMALL | {
        "init_images": [PICTURE],
        "mask": PICTURE,
        "subseed_strength": 0.3,
        "s_noise": 1.0,
        "sampler_name": "DPM++ 2M SDE Karras",
    }
    body = {"input": {"api": {"method": "POST", "endpoint": "/sdapi/v1/img2img"}, "payload": payload}}
    submission = parse(body, runtime_name="sdruntime", generated_id="a")
    assert submission.task.metadata.tasktype is TaskType.WEBUI_API
    sent = json.loads(request_of(submission).body or b"")
    assert (sent["sampler_name"], sent["scheduler"]) == ("DPM++ 2M SDE", "karras")
    assert sent["subseed_strength"] == 0.3


def test_every_case_of_the_page_names_a_test() -> None:
    page = (PROJECT / "docs" / "reference" / "cases.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if re.match(r"\| [A-E]\d", line)]
    assert len(rows) > 35
    code = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"^def (test_\w+)", code, re.MULTILINE))
    assert [row for row in rows if not (named := re.findall(r"`(test_\w+)`", row)) or not tests.issuperset(named)] == []
