"""Errors for ComfyUI's refusals and failures, as they were recorded."""

import json
from typing import Any

import pytest

from runtime_image.comfyui.error_mapping import execution_error, submission_error
from runtime_image.comfyui.errors import (
    ComfyUiBroken,
    ComfyUiError,
    ComfyUiFailed,
    ComfyUiOutOfMemory,
    SubmissionFailed,
    WorkflowFailed,
)
from runtime_image.process.engine import EngineBroken, SuspectFailure
from runtime_image.process.engine_http import EngineResponse

REFUSED: dict[str, Any] = {
    "error": {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation", "details": ""},
    "node_errors": {
        "4": {
            "errors": [
                {
                    "type": "value_not_in_list",
                    "message": "Value not in list",
                    "details": "ckpt_name: 'x.safetensors' not in ['a.safetensors']",
                    "extra_info": {"input_name": "ckpt_name", "received_value": "x.safetensors"},
                }
            ],
            "dependent_outputs": ["9"],
            "class_type": "CheckpointLoaderSimple",
        },
        "8": {
            "errors": [
                {
                    "type": "exception_during_inner_validation",
                    "message": "Exception when validating inner node",
                    "details": "'99'",
                    "extra_info": {"traceback": ['  File "/opt/ComfyUI/execution.py", line 1\n']},
                }
            ],
            "dependent_outputs": ["9"],
            "class_type": "VAEDecode",
        },
    },
}


def test_a_refusal_names_each_node_and_input() -> None:
    error = submission_error(EngineResponse(400, json.dumps(REFUSED).encode())).as_dict()
    assert error["code"] == "workflow_refused"
    assert [detail["field"] for detail in error["details"]] == ["task.content.4.inputs.ckpt_name", "task.content.8"]
    assert "'x.safetensors' not in ['a.safetensors']" in error["message"]
    assert error["comfyui"]["status"] == 400
    assert error["comfyui"]["body"]["node_errors"]["4"] == REFUSED["node_errors"]["4"]
    assert "traceback" not in json.dumps(error)
    assert "/opt" not in json.dumps(error)


def test_a_refusal_without_nodes_has_comfyuis_words() -> None:
    problem = {"type": "prompt_no_outputs", "message": "Prompt has no outputs", "details": ""}
    body = {"error": problem, "node_errors": []}
    error = submission_error(EngineResponse(400, json.dumps(body).encode())).as_dict()
    assert error["message"] == "ComfyUI refused the workflow: Prompt has no outputs"
    assert "details" not in error


def test_a_long_body_is_not_kept() -> None:
    long = {"error": {"message": "no"}, "node_errors": {"1": {"errors": [{"message": "x" * 20_000}]}}}
    error = submission_error(EngineResponse(400, json.dumps(long).encode())).as_dict()
    assert len(json.dumps(error)) < 10_000


@pytest.mark.parametrize(
    ("status", "kind"), [(500, SubmissionFailed), (413, ComfyUiFailed), (403, ComfyUiFailed), (503, ComfyUiFailed)]
)
def test_an_internal_error_may_be_the_workflows_fault(status: int, kind: type[ComfyUiFailed]) -> None:
    error = submission_error(EngineResponse(status, b"500 Internal Server Error"))
    assert type(error) is kind
    assert (error.code, error.retryable) == ("comfyui_failed", True)


@pytest.mark.parametrize(
    ("exception", "message", "kind"),
    [
        ("torch.OutOfMemoryError", "Allocation on device", ComfyUiOutOfMemory),
        ("RuntimeError", "DefaultCPUAllocator: can't allocate memory: you tried", ComfyUiOutOfMemory),
        ("RuntimeError", "CUDA error: an illegal memory access was encountered", ComfyUiBroken),
        ("RuntimeError", "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", ComfyUiBroken),
        ("RuntimeError", "CUDA error: device-side assert triggered", ComfyUiBroken),
        ("torch.AcceleratorError", "CUDA error: an illegal memory access was encountered", ComfyUiBroken),
        ("RuntimeError", "CUDA driver error: unknown error", ComfyUiBroken),
        ("RuntimeError", "no file 'CUDA error: device-side assert.png'", WorkflowFailed),
        ("NotADirectoryError", "[Errno 20] Not a directory: 'CUDA error_00001_.png'", WorkflowFailed),
        ("NotADirectoryError", "[Errno 20] Not a directory: 'out of memory_00001_.png'", WorkflowFailed),
        ("SafetensorError", "Error while deserializing header: /opt/models/checkpoints/a.safetensors", WorkflowFailed),
    ],
)
def test_a_failed_node_is_the_workflows_fault_unless_the_machine_is(
    exception: str, message: str, kind: type[ComfyUiError]
) -> None:
    error = execution_error(
        {"node_id": "4", "node_type": "Loader", "exception_type": exception, "exception_message": message}
    )
    assert type(error) is kind
    assert message.split(" /", maxsplit=1)[0] in error.message
    assert "/opt" not in error.message
    assert isinstance(error, EngineBroken) == (kind is ComfyUiBroken)
    assert isinstance(error, SuspectFailure) == (kind is not WorkflowFailed)
    if kind is WorkflowFailed:
        assert error.as_dict()["node_id"] == "4"
        assert error.as_dict()["exception_type"] == exception
