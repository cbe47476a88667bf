import json
from pathlib import Path

import pytest

from embedded_webui.models import kinds
from embedded_webui.tiny_model import checkpoint


def written(path: Path, metadata: dict[str, str] | None) -> Path:
    header = json.dumps({"__metadata__": metadata} if metadata is not None else {}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


def test_only_a_tiny_checkpoint_of_another_shape_is_outdated(tmp_path: Path) -> None:
    shape = checkpoint._shape()
    for metadata, outdated in [
        ({"darkroom_tiny_shape": shape}, False),
        ({"darkroom_tiny_shape": "another"}, True),
        ({"format": "pt"}, False),
        (None, False),
    ]:
        assert checkpoint.is_outdated(written(tmp_path / "a.safetensors", metadata)) is outdated


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 100, (5).to_bytes(8, "little") + b"[1,2]"])
def test_what_is_no_checkpoint_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    assert not checkpoint.is_outdated(path)


def test_the_shape_follows_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    before = checkpoint._shape()
    monkeypatch.setattr(checkpoint, "TINY", kinds.SD15)
    assert checkpoint._shape() != before
