"""A task that is made of options instead of a file."""

import json
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.requests import name_options
from darkroom.errors import RefusedField, RequestRefused
from tests.unit.cli.fake_api import FakeApi

WORKFLOW: Final[dict[str, Any]] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "cat.png"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "cat"}, "_meta": {"title": "S"}},
}


def submit(state_directory: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--state-dir", str(state_directory), "submit", *arguments])


def test_options_make_up_a_task(state_directory: Path, api: FakeApi) -> None:
    options = ["--size", "512x768", "--steps", "9", "--seed", "7", "--negative", "rain", "--model", "photo"]
    result = submit(state_directory, "--prompt", "A dog", *options, "--runtime", "dynamic", "--id", "dog-1")
    assert (result.exit_code, result.stdout) == (0, "dog-1\n"), result.output
    ((path, body),) = api.submitted
    assert path == "/v1alpha2"
    assert body["task"] == {
        "metadata": {"id": "dog-1", "runtime": "dynamic", "tasktype": "text-to-image"},
        "content": {
            "prompt": "A dog",
            "negative_prompt": "rain",
            "width": 512,
            "height": 768,
            "steps": 9,
            "seed": 7,
            "override_settings": {"sd_model_checkpoint": "photo"},
        },
    }


def test_each_task_gets_an_id(state_directory: Path, api: FakeApi) -> None:
    ids = {submit(state_directory, "--prompt", "A dog").stdout for _ in range(2)}
    assert len(ids) == 2
    assert {body["task"]["metadata"]["runtime"] for _, body in api.submitted} == {"sdruntime"}


def test_an_input_picture_is_uploaded_and_linked(state_directory: Path, api: FakeApi, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\x00 bytes")
    result = submit(state_directory, "--prompt", "A cat", "--input", str(picture))
    assert result.exit_code == 0, result.output
    ((_, body),) = api.submitted
    assert body["task"]["metadata"]["tasktype"] == "image-to-image"
    assert body["task"]["content"]["init_images"] == ["s3://tasks/uploads/x.png"]
    ((content_type, form),) = api.uploaded
    message = BytesParser(policy=policy.HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + form)
    parts = message.iter_parts()
    fields = {part["content-disposition"].params["name"]: part.get_payload(decode=True) for part in parts}
    assert fields == {"key": b"uploads/x", "file": picture.read_bytes()}


def workflow_file(folder: Path) -> Path:
    path = folder / "workflow.json"
    path.write_text(json.dumps(WORKFLOW))
    return path


def test_a_workflow_becomes_a_task_of_the_one_runtime_of_comfyui(
    state_directory: Path, api: FakeApi, tmp_path: Path
) -> None:
    result = submit(state_directory, str(workflow_file(tmp_path)), "--id", "flow-1")
    assert (result.exit_code, result.stdout) == (0, "flow-1\n"), result.output
    ((path, body),) = api.submitted
    assert path == "/v1alpha2"
    assert body["task"] == {
        "metadata": {"id": "flow-1", "runtime": "comfyui", "tasktype": "pipeline"},
        "content": WORKFLOW,
    }


def test_a_file_that_a_workflow_names_is_uploaded(state_directory: Path, api: FakeApi, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\x00 bytes")
    result = submit(state_directory, str(workflow_file(tmp_path)), "--input", str(picture), "--runtime", "other")
    assert result.exit_code == 0, result.output
    ((_, body),) = api.submitted
    assert body["task"]["metadata"]["runtime"] == "other"
    assert body["task"]["content"]["1"]["inputs"] == {"image": "s3://tasks/uploads/x.png"}
    assert body["task"]["content"]["2"] == WORKFLOW["2"]


def test_the_variable_of_the_runtime_leaves_a_task_in_a_file_as_it_is(
    state_directory: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_RUNTIME", "other")
    task = {"task": {"metadata": {"id": "a", "runtime": "sdruntime"}, "content": {}}}
    (state_directory / "task.json").write_text(json.dumps(task))
    assert submit(state_directory, str(state_directory / "task.json")).exit_code == 0
    assert [body for _, body in api.submitted] == [task]


def test_a_workflow_that_the_editor_saved_is_refused(state_directory: Path, api: FakeApi, tmp_path: Path) -> None:
    path = tmp_path / "workflow.json"
    path.write_text(json.dumps({"nodes": [], "links": [], "last_node_id": 3}))
    result = submit(state_directory, str(path))
    assert (result.exit_code, "export it with Workflow > Export (API)" in result.stderr) == (3, True), result.stderr
    assert not api.submitted


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--prompt"),
        (["-", "--steps", "4"], "FILE and --steps exclude each other"),
        (["task.json", "--runtime", "other"], "FILE and --runtime exclude each other"),
        (["workflow.json", "--input", __file__], "no input of the workflow is 'test_submit_options.py'"),
        (["--prompt", "A dog", "--size", "512"], "512x768"),
        (["--steps", "4"], "--prompt"),
        (["--prompt", "A dog", "--input", __file__], "is not a picture; give a PNG"),
    ],
)
def test_wrong_usage_says_what_to_write(
    state_directory: Path, api: FakeApi, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(workflow_file(state_directory).parent)
    Path("task.json").write_text(json.dumps({"metadata": {"id": "a", "runtime": "sdruntime"}, "content": {}}))
    result = submit(state_directory, *arguments)
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    assert not api.submitted


def test_a_refusal_names_the_option_that_was_written(state_directory: Path) -> None:
    result = submit(state_directory, "--prompt", "A dog", "--id", "broken")
    assert result.exit_code == 3
    assert result.stderr == "darkroom: --id: no\n--size: is 9\n"


def test_a_runtime_of_the_wrong_kind_is_the_option_runtime() -> None:
    field = RefusedField("task.metadata.tasktype", "runtime comfyui takes workflows only")
    error = RequestRefused("no", status=400, code="invalid_task", fields=[field])
    assert str(name_options(error)) == "--runtime: runtime comfyui takes workflows only"


def test_a_missing_checkpoint_is_the_option_model() -> None:
    field = RefusedField("task.content.alwayson_scripts.sd_model_checkpoint", "is required")
    error = RequestRefused("is required", status=400, code="invalid_task", fields=[field])
    assert str(name_options(error)) == "--model: is required"
