"""Outputs of a workflow: order, kinds, limits, and files that are gone."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from contract.media_formats import detect_medium
from contract.picture_formats import FileFormat
from runtime_image.comfyui import folders as folders_module
from runtime_image.comfyui import outputs as outputs_module
from runtime_image.comfyui.errors import ComfyUiFailed, InputsNotWritten, TooManyOutputs
from runtime_image.comfyui.folders import TEMPORARY_SECONDS, ComfyUiFolders
from runtime_image.comfyui.outputs import ComfyUiOutputs, read_outputs
from runtime_image.process.engine import InputFile

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
FOLDER = "task-0123456789abcdef"


@pytest.fixture
def folders(tmp_path: Path) -> ComfyUiFolders:
    return ComfyUiFolders(input=tmp_path / "input", output=tmp_path / "output", temp=tmp_path / "temp")


def made(folders: ComfyUiFolders, name: str, data: bytes = PNG, *, kind: str = "output") -> dict[str, str]:
    root = folders.temp if kind == "temp" else folders.output / FOLDER
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(data)
    return {"filename": name, "subfolder": "" if kind == "temp" else FOLDER, "type": kind}


def read(folders: ComfyUiFolders, outputs: dict[str, Any], graph: dict[str, Any] | None = None) -> ComfyUiOutputs:
    return read_outputs({"outputs": outputs}, prompt_id="p", graph=graph or {}, folder=FOLDER, folders=folders)


def test_files_come_in_the_order_of_node_key_and_place(folders: ComfyUiFolders) -> None:
    found = read(
        folders,
        {
            "9" * 5000: {"images": [made(folders, "6.png")]},
            "b": {"images": [made(folders, "7.png")]},
            "10": {"images": [made(folders, "4.png"), made(folders, "5.png")]},
            "9": {"videos": [made(folders, "3.png")], "gifs": [made(folders, "2.png")], "text": ["words"]},
            "2": {"images": [made(folders, "1.png")], "animated": [True]},
        },
    )
    assert [picture.filename for picture in found.files] == [f"{number}.png" for number in range(1, 8)]
    assert [picture.node_id for picture in found.files] == ["2", "9", "9", "10", "10", "9" * 5000, "b"]
    response = json.loads(found.response_with([f"s3://b/{number}" for number in range(1, 8)]))
    assert response["outputs"]["10"]["images"][1] == {
        "filename": "5.png",
        "subfolder": "",
        "type": "output",
        "kind": "image",
        "n": 5,
        "s3_url": "s3://b/5",
    }
    assert response["outputs"]["9"]["text"] == ["words"]


def test_a_node_names_no_file_in_the_bucket(folders: ComfyUiFolders) -> None:
    place = {"n": 1, "kind": "image", "s3_url": "s3://b/of-another-task.png"}
    found = read(folders, {"9": {"images": [made(folders, "1.png"), made(folders, "2.png", kind="temp") | place]}})
    images = json.loads(found.response_with(["s3://b/1"]))["outputs"]["9"]["images"]
    assert [image.get("s3_url") for image in images] == ["s3://b/1", None]


@pytest.mark.parametrize(
    ("name", "data", "extension", "content_type", "kind"),
    [
        ("a.bin", PNG, "png", "image/png", "image"),
        ("a.mp4", b"\0\0\0\x20ftypisom", "mp4", "video/mp4", "video"),
        ("a.webm", b"\x1aE\xdf\xa3", "webm", "video/webm", "video"),
        ("a.flac", b"fLaC", "flac", "audio/flac", "audio"),
        ("a.mp3", b"ID3\4", "mp3", "audio/mpeg", "audio"),
        ("a.opus", b"OggS" + bytes(24) + b"OpusHead", "opus", "audio/ogg", "audio"),
        ("a.glb", b"glTF\2", "glb", "model/gltf-binary", "file"),
        ("a.txt", b"hello", "txt", "text/plain", "text"),
        ("a.html", b"<html>", "html", "text/html", "text"),
        ("a.svg", b"<svg>", "svg", "image/svg+xml", "image"),
        ("a.latent", b"\0\0", "latent", "application/octet-stream", "latent"),
        ("a.strange!", b"\0\0", "bin", "application/octet-stream", "file"),
        ("a.thirteenchars", b"\0\0", "bin", "application/octet-stream", "file"),
        ("nameless", b"\0\0", "bin", "application/octet-stream", "file"),
    ],
)
def test_the_kind_of_a_file_is_that_of_its_content(
    folders: ComfyUiFolders, name: str, data: bytes, extension: str, content_type: str, kind: str
) -> None:
    (picture,) = read(folders, {"1": {"any": [made(folders, name, data)]}}).files
    assert (picture.extension, picture.content_type, picture.kind) == (extension, content_type, kind)


def test_temporary_files_count_if_there_are_no_others(folders: ComfyUiFolders) -> None:
    temporary = {"1": {"images": [made(folders, "t.png", kind="temp")]}}
    assert [picture.filename for picture in read(folders, temporary).files] == ["t.png"]
    both = temporary | {"2": {"images": [made(folders, "o.png")]}}
    assert [picture.filename for picture in read(folders, both).files] == ["o.png"]
    assert read(folders, {"1": {"text": ["only"]}}).files == ()


@pytest.mark.parametrize(
    "item",
    [
        {"filename": "gone.png", "subfolder": FOLDER, "type": "output"},
        {"filename": "secret", "subfolder": "../..", "type": "output"},
        {"filename": "/etc/hostname", "subfolder": "", "type": "output"},
        {"filename": "a\0b", "subfolder": "", "type": "output"},
    ],
)
def test_a_file_that_is_missing_or_elsewhere_is_a_failure_of_the_machine(
    folders: ComfyUiFolders, tmp_path: Path, item: dict[str, str]
) -> None:
    (tmp_path / "secret").write_bytes(PNG)
    with pytest.raises(ComfyUiFailed, match="of node 1 is missing"):
        read(folders, {"1": {"images": [item]}})


def test_an_output_outside_the_folder_of_its_task_is_deleted_later(folders: ComfyUiFolders) -> None:
    """A linked prefix has no folder of the task. ComfyUI's cache may name the file again for the next hour."""
    folders.output.mkdir()
    linked, other = folders.output / "linked_00001_.png", folders.output / "other.png"
    for path in (linked, other):
        path.write_bytes(PNG)
    read(folders, {"1": {"images": [{"filename": linked.name, "subfolder": "", "type": "output"}]}})
    folders.delete(FOLDER)
    assert linked.exists()
    for path in (linked, other):
        age_seconds = TEMPORARY_SECONDS + 60
        os.utime(path, (path.stat().st_mtime - age_seconds,) * 2)
    folders.delete(FOLDER)
    assert (linked.exists(), other.exists()) == (False, True), "a file of no task stays"


def test_temporary_files_in_the_folder_of_a_task_end_with_it(folders: ComfyUiFolders) -> None:
    """A custom node may put the prefix of its task before the names of temporary files."""
    for delete in (partial(folders.delete, FOLDER), folders.purge):
        preview = folders.temp / FOLDER / "preview_00001_.png"
        preview.parent.mkdir(parents=True)
        preview.write_bytes(PNG)
        delete()
        assert not preview.parent.exists()


def test_inputs_of_equal_content_are_one_file_and_a_file_on_the_disk_is_copied(
    folders: ComfyUiFolders, tmp_path: Path
) -> None:
    video = tmp_path / "shared.mp4"
    video.write_bytes(b"\0\0\0\x20ftypisom" + bytes(5000))
    names = folders.write_inputs(FOLDER, {"a": InputFile(PNG), "b": InputFile(PNG), "c": video, "d": video})
    assert names == {"a": f"{FOLDER}/1.png", "b": f"{FOLDER}/1.png", "c": f"{FOLDER}/2.mp4", "d": f"{FOLDER}/2.mp4"}
    assert (folders.input / names["c"]).read_bytes() == video.read_bytes()


def test_a_full_disk_is_named(folders: ComfyUiFolders, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", fail)
    with pytest.raises(InputsNotWritten, match="the input files cannot be written: No space left on device") as full:
        folders.write_inputs(FOLDER, {"a": InputFile(PNG)})
    assert (full.value.code, full.value.retryable) == ("storage_failed", True)
    assert list(folders.input.iterdir()) == []


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Return a folder of the agent with a file from long ago that a custom node wants to see, replaced or deleted."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    secret = elsewhere / "1.png"
    secret.write_bytes(b"secret")
    os.utime(secret, (0, 0))
    return elsewhere


def test_no_file_is_stored_from_behind_a_link_that_replaces_the_folder(
    folders: ComfyUiFolders, elsewhere: Path
) -> None:
    folders.output.symlink_to(elsewhere)
    with pytest.raises(ComfyUiFailed, match=r"'1\.png' of node 1 is missing"):
        read(folders, {"1": {"images": [{"filename": "1.png", "subfolder": "", "type": "output"}]}})


def test_no_input_is_written_behind_a_link_that_replaces_the_folder(folders: ComfyUiFolders, elsewhere: Path) -> None:
    folders.input.symlink_to(elsewhere)
    with pytest.raises(InputsNotWritten, match="Not a directory"):
        folders.write_inputs(FOLDER, {"a": InputFile(PNG)})
    assert [path.name for path in elsewhere.iterdir()] == ["1.png"]


def by_link(target: Path, elsewhere: Path) -> None:
    (target / "1.png").symlink_to(elsewhere / "1.png")


def by_link_of_the_folder(target: Path, elsewhere: Path) -> None:
    target.rmdir()
    target.symlink_to(elsewhere)


@pytest.mark.parametrize(("replace", "problem"), [(by_link, "File exists"), (by_link_of_the_folder, "Not a directory")])
def test_no_input_is_written_behind_a_link_that_a_custom_node_makes_meanwhile(
    folders: ComfyUiFolders,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    replace: Callable[[Path, Path], None],
    problem: str,
) -> None:
    def detect(head: bytes) -> FileFormat | None:
        replace(folders.input / FOLDER, elsewhere)
        return detect_medium(head)

    monkeypatch.setattr(folders_module, "detect_medium", detect)
    with pytest.raises(InputsNotWritten, match=problem):
        folders.write_inputs(FOLDER, {"a": InputFile(PNG)})
    assert (elsewhere / "1.png").read_bytes() == b"secret"


def test_nothing_is_deleted_behind_a_link_that_replaces_a_folder(folders: ComfyUiFolders, elsewhere: Path) -> None:
    (elsewhere / FOLDER).mkdir()
    for folder in (folders.input, folders.output, folders.temp):
        folder.symlink_to(elsewhere)
    folders.delete(FOLDER)
    folders.purge()
    assert {path.name for path in elsewhere.iterdir()} == {"1.png", FOLDER}


def test_files_have_limits(folders: ComfyUiFolders, monkeypatch: pytest.MonkeyPatch) -> None:
    item = made(folders, "a.png")
    with pytest.raises(TooManyOutputs, match="201 files; 200 are stored"):
        read(folders, {"1": {"images": [item] * 201}})
    monkeypatch.setattr(outputs_module, "MAX_FILE_BYTES", len(PNG) - 1)
    with pytest.raises(TooManyOutputs, match=f"has {len(PNG)} bytes"):
        read(folders, {"1": {"images": [item]}})
