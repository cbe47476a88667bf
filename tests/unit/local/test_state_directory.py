import json
from pathlib import Path

import pytest

from local import __main__ as local
from local.state_directory import AlreadyRunning, StateDirectory


def test_only_the_files_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    caches = ("assembly/key/manifest.json", "models/Stable-diffusion/a.safetensors")
    # The demo has its state in a folder of this one, and a person may name any folder.
    of_others = ("demo/callbacks.jsonl", "holiday.jpg")
    for name in (*caches, *of_others, "lock", "logs/old.log", "runtimes/x/y", "stub-models/a"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "endpoints.json").write_text("{}")
    (tmp_path / "callbacks.jsonl").write_text("{}\n")
    with StateDirectory(tmp_path).lock():
        files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
        assert files == sorted((*caches, *of_others, "lock"))
        assert (tmp_path / "logs").is_dir()


def test_clearing_follows_no_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").touch()
    state = tmp_path / "state"
    state.mkdir()
    (state / "lock").touch()
    (state / "runtimes").symlink_to(outside)
    with StateDirectory(state).lock():
        assert not (state / "runtimes").exists()
    assert (outside / "mine").exists()


@pytest.mark.parametrize("name", ["logs/mine.log", "environment.yaml"])
def test_the_files_of_other_programs_stay(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.touch()
    # The first refusal must not make the directory one of the local system.
    for _ in range(2):
        assert local.main(["up", "--state-dir", str(tmp_path)], {}) == local.FAILED
    assert file.exists()
    assert f"{tmp_path / Path(name).parts[0]} is not of a local system" in capsys.readouterr().err


def test_a_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    with StateDirectory(tmp_path).lock():
        with pytest.raises(AlreadyRunning, match=r"process \d+.*--state-dir"), StateDirectory(tmp_path).lock():
            pass
        (tmp_path / "callbacks.jsonl").touch()
    with StateDirectory(tmp_path).lock():
        assert not (tmp_path / "callbacks.jsonl").exists()


def test_endpoints_appear_whole_and_go_with_the_run(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    with state.lock():
        state.write_endpoints({"http_url": "http://x"})
        assert json.loads(state.endpoints.read_text()) == {"http_url": "http://x"}
        assert [path.name for path in tmp_path.glob("endpoints*")] == ["endpoints.json"]
    assert not state.endpoints.exists()
