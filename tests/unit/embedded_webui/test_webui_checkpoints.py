import hashlib
from pathlib import Path

import pytest

from embedded_webui.models.checkpoints import CheckpointFolder
from embedded_webui.models.loras import find_loras

DIGEST = hashlib.sha256(b"weights").hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.safetensors", "A.safetensors", "sub/c.safetensors", ".hidden.safetensors", "readme.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"weights")
    (tmp_path / "broken.safetensors").symlink_to("gone.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    return tmp_path


def test_files_are_listed_in_the_order_of_their_names(folder: Path) -> None:
    names = [checkpoint.model_name for checkpoint in CheckpointFolder(folder)]
    assert names == ["A", "b", "sub_c"]
    assert [lora.path.name for lora in find_loras(folder)] == [
        *(".hidden.safetensors", "A.safetensors", "b.safetensors", "c.safetensors")
    ]


def test_a_hash_is_known_once_it_was_calculated_and_survives_a_refresh(folder: Path) -> None:
    checkpoints = CheckpointFolder(folder)
    first = checkpoints.select(None)
    assert (first.title, first.entry()["hash"]) == ("A.safetensors", None)
    first.calculate_hash()
    checkpoints.refresh()
    assert checkpoints.select(None).title == f"A.safetensors [{DIGEST[:10]}]"
    assert checkpoints.select(None) is first


def test_a_changed_file_is_another_checkpoint(folder: Path) -> None:
    checkpoints = CheckpointFolder(folder)
    checkpoints.select(None).calculate_hash()
    (folder / "A.safetensors").write_bytes(b"other weights")
    checkpoints.refresh()
    assert checkpoints.select(None).sha256 is None


@pytest.mark.parametrize(
    "alias", ["sub/c.safetensors", "sub/c", "sub_c", DIGEST, DIGEST[:10], f"sub/c.safetensors [{DIGEST[:10]}]"]
)
def test_a_checkpoint_has_many_names(folder: Path, alias: str) -> None:
    checkpoints = CheckpointFolder(folder)
    list(checkpoints)[-1].calculate_hash()
    found = checkpoints.find(alias)
    assert found
    assert found.model_name == "sub_c"


def test_an_unknown_name_selects_the_first(folder: Path) -> None:
    checkpoints = CheckpointFolder(folder)
    assert checkpoints.find("nope") is None
    assert checkpoints.select("nope").model_name == "A"


def test_an_empty_or_missing_folder_has_nothing_to_select(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="No checkpoints found"):
        CheckpointFolder(tmp_path / "missing").select(None)
