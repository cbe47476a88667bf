"""Runtime of a pipeline: workflows run on ComfyUI, every other task on an SD Web UI."""

from typing import Any

import pytest
from pydantic import ValidationError

from contract.callback import callback_attributes, callback_for
from contract.errors import InvalidTask
from contract.record import Status
from contract.routing import Catalogue, Runtime
from contract.submission import Submission, parse_submission
from tests.harness.records import make_record
from tests.harness.workflows import documented_pipeline, documented_workflow

WEBUI = Runtime(name="sdruntime", model_filename="v1-5-pruned-emaonly.safetensors")
COMFYUI = Runtime(name="comfyui", type="comfyui")
BOTH = Catalogue([WEBUI, COMFYUI])
LINKED = Catalogue([WEBUI.model_copy(update={"pipeline_runtime": "comfyui"}), COMFYUI])


def parse(body: dict[str, Any], catalogue: Catalogue = BOTH, **options: Any) -> Submission:
    return parse_submission(
        body, catalogue=catalogue, find_checkpoint=lambda _: None, has_object=lambda _: True, **options
    )


def refusals(body: dict[str, Any], catalogue: Catalogue = BOTH, **options: Any) -> dict[str, str]:
    with pytest.raises(InvalidTask) as refusal:
        parse(body, catalogue, **options)
    return {detail.field: detail.message for detail in refusal.value.details}


def test_the_documented_workflow_is_accepted_and_passed_on_unchanged() -> None:
    for body in (documented_pipeline(runtime="comfyui"), documented_pipeline(runtime="comfyui")["task"]):
        submission = parse(body)
        assert submission.task.content == documented_workflow()
        assert submission.task.metadata.tasktype == "pipeline"
        assert submission.checkpoint is None


def test_a_workflow_for_an_sd_web_ui_is_told_in_one_sentence() -> None:
    assert refusals(documented_pipeline()) == {
        "task.metadata.tasktype": (
            "runtime sdruntime is an SD Web UI; send workflows to a runtime of type comfyui: comfyui"
        )
    }
    nowhere = refusals(documented_pipeline(), Catalogue([WEBUI]))
    assert nowhere["task.metadata.tasktype"].endswith("of type comfyui: none is configured")


def test_another_task_for_comfyui_is_told_in_one_sentence() -> None:
    body = {"metadata": {"id": "a", "runtime": "comfyui", "tasktype": "text-to-image"}, "content": {"prompt": 5}}
    assert refusals(body) == {
        "metadata.tasktype": (
            "runtime comfyui is a ComfyUI, which takes workflows (pipeline) only;"
            " send other tasks to a runtime of type sdwebui: sdruntime"
        )
    }


def test_a_runpod_body_for_the_other_kind_of_runtime_is_told_in_one_sentence() -> None:
    workflow = {"input": {"workflow": documented_workflow(), "images": []}}
    assert refusals(workflow, runtime_name="sdruntime", generated_id="a") == {
        "input.workflow": "runtime sdruntime is an SD Web UI; send workflows to a runtime of type comfyui: comfyui"
    }
    call = {"input": {"api": {"method": "POST", "endpoint": "/sdapi/v1/txt2img"}, "payload": {"prompt": "x"}}}
    found = refusals(call, runtime_name="comfyui", generated_id="a")
    assert set(found) == {"input.api"}
    assert "which takes workflows (pipeline) only" in found["input.api"]


def test_a_runpod_body_with_a_workflow_is_a_pipeline() -> None:
    submission = parse({"input": {"workflow": documented_workflow()}}, runtime_name="comfyui", generated_id="a")
    assert submission.task.content == documented_workflow()
    assert submission.original_field("task.content.3.inputs.seed") == "input.workflow.3.inputs.seed"


def test_an_sd_web_ui_may_name_the_runtime_of_its_pipelines() -> None:
    submission = parse(documented_pipeline(), LINKED)
    assert submission.task.metadata.runtime == "comfyui"
    assert submission.requested_runtime == "sdruntime"
    other = parse({"metadata": {"id": "a", "runtime": "sdruntime", "tasktype": "text-to-image"}, "content": {}}, LINKED)
    assert other.task.metadata.runtime == "sdruntime"
    assert other.requested_runtime is None


def test_a_callback_names_the_runtime_that_the_sender_wrote() -> None:
    record = make_record(runtime="comfyui", requested_runtime="sdruntime", tasktype="pipeline", status=Status.CANCELLED)
    assert callback_for(record)["runtime"] == "sdruntime"
    assert callback_attributes(record)["runtime"] == "sdruntime"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"type": "comfyui", "dynamicModel": True}, "dynamicModel is for runtimes of type sdwebui; leave it out"),
        ({"type": "comfyui", "modelFilename": "a.ckpt"}, "modelFilename is for runtimes of type sdwebui"),
        ({"dynamicModel": True, "apiNodes": True}, "apiNodes is for runtimes of type comfyui; leave it out"),
        ({"type": "comfyui", "allowedNodes": [""]}, "String should match pattern"),
    ],
)
def test_a_runtime_has_the_keys_of_its_type_only(keys: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValidationError, match=expected.replace("(", r"\(")):
        Runtime.model_validate({"name": "a", **keys})
