import json
from pathlib import Path

import pytest

from local.state_directory import AlreadyRunning, StateDirectory


def test_what_an_earlier_run_left_is_cleared_except_for_caches(tmp_path: Path) -> None:
    for name in ("logs/old.log", "models/Stable-diffusion/a.safetensors", "assembly/key/manifest.json", "runtimes/x/y"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "endpoints.json").write_text("{}")
    (tmp_path / "callbacks.jsonl").write_text("{}\n")
    with StateDirectory(tmp_path).lock():
        files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
        assert files == ["assembly/key/manifest.json", "lock", "models/Stable-diffusion/a.safetensors"]
        assert (tmp_path / "logs").is_dir()


def test_clearing_follows_no_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").touch()
    state = tmp_path / "state"
    state.mkdir()
    (state / "link").symlink_to(outside)
    with StateDirectory(state).lock():
        assert not (state / "link").exists()
    assert (outside / "mine").exists()


def test_a_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    with StateDirectory(tmp_path).lock():
        with pytest.raises(AlreadyRunning, match=r"process \d+.*--state-dir"), StateDirectory(tmp_path).lock():
            pass
        (tmp_path / "kept").touch()
    with StateDirectory(tmp_path).lock():
        assert not (tmp_path / "kept").exists()


def test_endpoints_appear_whole_and_go_with_the_run(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    with state.lock():
        state.write_endpoints({"http_url": "http://x"})
        assert json.loads(state.endpoints.read_text()) == {"http_url": "http://x"}
        assert [path.name for path in tmp_path.glob("endpoints*")] == ["endpoints.json"]
    assert not state.endpoints.exists()
