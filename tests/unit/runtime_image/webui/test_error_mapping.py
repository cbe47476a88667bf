"""Errors made of recorded responses of the SD Web UI."""

import json
from pathlib import Path
from typing import Any

import pytest

from contract.errors import DarkroomError
from runtime_image.process.engine_http import EngineResponse
from runtime_image.webui.error_mapping import refusal
from runtime_image.webui.errors import WebUiFailed, WebUiOutOfMemory, WebUiRefused, WebUiUnclear


def a1111(error: str, errors: str = "", detail: str = "") -> dict[str, Any]:
    return {"error": error, "detail": detail, "body": "", "errors": errors}


ALLOCATION = "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried"


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (422, {"detail": [{"loc": ["body", "steps"], "msg": "not an int", "type": "x"}]}, WebUiRefused, "body.steps"),
        (422, a1111("HTTPException", detail="Script 'NoSuch' not found"), WebUiRefused, "Script 'NoSuch' not found"),
        (404, a1111("HTTPException", detail="Init image not found"), WebUiRefused, "Init image not found"),
        (404, {"detail": "Init image not found"}, WebUiRefused, "Init image not found"),
        (404, {"detail": "Not Found"}, WebUiFailed, "Not Found"),
        (401, a1111("HTTPException", detail="Not authenticated"), WebUiFailed, "Not authenticated"),
        (429, {"detail": "slow down"}, WebUiFailed, "slow down"),
        (500, a1111("HTTPException", detail="Invalid encoded image"), WebUiRefused, "Invalid encoded image"),
        (500, {"detail": "Invalid encoded image"}, WebUiRefused, "Invalid encoded image"),
        (500, a1111("ZeroDivisionError", "integer division"), WebUiRefused, "ZeroDivisionError: integer division"),
        (500, a1111("IndexError", "list index out of range"), WebUiUnclear, "IndexError"),
        (500, a1111("KeyError", "'nope_key'"), WebUiUnclear, "nope_key"),
        (500, a1111("TypeError", "'>' not supported"), WebUiUnclear, "not supported"),
        (500, a1111("AssertionError", "could not find upscaler named X"), WebUiRefused, "upscaler named X"),
        (500, a1111("Exception", "Could not find checkpoint with name nope"), WebUiRefused, "with name nope"),
        (500, {"error": "KeyError", "detail": "", "body": "", "message": "'k'"}, WebUiUnclear, "KeyError: 'k'"),
        (500, a1111("NansException", "A tensor with NaNs was produced"), WebUiRefused, "NaNs"),
        (500, a1111("RuntimeError", "Calculated padded input size per channel"), WebUiRefused, "padded"),
        (500, a1111("RuntimeError", "Expected 3D (unbatched) or 4D (batched)"), WebUiRefused, "3D"),
        (500, a1111("RuntimeError", "CUDA error: device-side assert"), WebUiUnclear, "CUDA error"),
        (500, a1111("OutOfMemoryError", "CUDA out of memory."), WebUiOutOfMemory, "out of memory"),
        (500, a1111("RuntimeError", ALLOCATION), WebUiOutOfMemory, "allocate memory"),
        (500, a1111("KeyError", "'out of memory'"), WebUiUnclear, "out of memory"),
        (422, a1111("HTTPException", detail="Script 'out of memory' not found"), WebUiRefused, "out of memory"),
        (500, a1111("FileNotFoundError", "No checkpoints found."), WebUiUnclear, "No checkpoints"),
        (500, a1111("SafetensorError", "Error while deserializing header"), WebUiUnclear, "deserializing"),
        (502, {"detail": "bad gateway"}, WebUiFailed, "bad gateway"),
        (500, a1111("UnboundLocalError", "local variable 'h' referenced"), WebUiUnclear, "UnboundLocalError"),
        (500, a1111("Error", "iterable expected, not NoneType"), WebUiUnclear, "iterable expected"),
        (500, a1111("RuntimeError", "bad number of images passed; expecting 1 or less"), WebUiRefused, "bad number"),
        (500, [], WebUiUnclear, "[]"),
    ],
)
def test_recorded_answers(status: int, body: object, kind: type[DarkroomError], words: str) -> None:
    error = refusal(EngineResponse(status, json.dumps(body).encode()))

    assert type(error) is kind
    assert words in error.message
    assert str(status) in error.message
    kept = {"webui": {"status": status, "body": body}} if body else {}
    assert error.as_dict() == {"code": kind.code, "message": error.message} | kept


def test_a_long_answer_is_not_kept_with_the_error() -> None:
    error = refusal(EngineResponse(422, json.dumps({"detail": "x" * 5000}).encode()))

    assert "webui" not in error.as_dict()


@pytest.mark.parametrize("body", [b"", b"Internal Server Error", b"\xff\xfe", b"[" * 10_000, b'{"detail": 7}'])
def test_text_and_garbage_are_the_machines_fault(body: bytes) -> None:
    error = refusal(EngineResponse(500, body))

    assert error.retryable
    assert len(error.message) < 3000


#: Every recorded answer that is an error, of A1111 1.10.1 (with its browser UI, with credentials, without a model) and
#: of Forge.
RECORDED: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("recorded_errors.json").read_text())
#: Those that the machine caused.
MACHINES_FAULT = {
    "auth_garbage",
    "auth_missing",
    "auth_wrong",
    "forge/get_sd_vae",
    "path_internal_ping",
    "path_internal_progress",
    "path_nope",
    "path_queue_status",
    "txt2img_huge_oom",
    "ui_sdapi_v1_nope",
}
#: Those whose class and words do not show who caused them. All others are the request's own fault.
UNCLEAR = {
    "forge/get_cmd_flags",
    "forge/options_unknown_key",
    "forge/txt2img_override_unknown_key",
    "nockpt_txt2img",
    "options_get_after_wrong_type",
    "options_unknown_key",
    "txt2img_after_wrong_type_option",
    "txt2img_batch_0",
    "txt2img_hr_no_denoising",
    "txt2img_niter_0",
    "txt2img_override_broken_ckpt",
    "txt2img_override_jpeg_then_error",
    "txt2img_override_unknown_key",
}
#: The folder of all recordings, where it lies next to the project.
RECORDINGS = Path(__file__).parents[6] / "shared" / "webui-recordings"


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_every_recorded_error_is_told_right(name: str) -> None:
    recorded = RECORDED[name]

    error = refusal(EngineResponse(recorded["status"], json.dumps(recorded["body"]).encode()))

    is_unclear = isinstance(error, WebUiUnclear)
    assert (isinstance(error, WebUiFailed), is_unclear) == (name in MACHINES_FAULT, name in UNCLEAR), error.message
    assert isinstance(error, WebUiOutOfMemory) == (name == "txt2img_huge_oom")


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not beside the project")
def test_no_recorded_error_is_left_out() -> None:
    found = set()
    for file in [*RECORDINGS.glob("*.json"), *RECORDINGS.glob("forge/*.json")]:
        recording = json.loads(file.read_text())
        response = recording.get("response") if isinstance(recording, dict) else None
        if response and response["status"] >= 300:
            found.add(file.relative_to(RECORDINGS).with_suffix("").as_posix())

    assert found == RECORDED.keys()
