"""Launcher of the Web UI, tried with hostile files and fields in a separate process."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from runtime_image.launcher.__main__ import data_folder, remove_old_outputs, write_fixed_options
from runtime_image.launcher.safe_unpickling import ALLOWED, make_pickle_safe

PROJECT = Path(__file__).parents[4]
HOSTILE_WEBUI = Path(__file__).with_name("hostile_webui.py")
LAUNCHER = ("-m", "runtime_image.launcher")
#: Fake of torch 2.1.2, the image's version: its `load` unpickles by default what newer versions refuse.
OLD_TORCH = {
    "__init__.py": """
from types import SimpleNamespace
from torch import _utils, jit, serialization
from torch.serialization import load, save
nn, ones = SimpleNamespace(Identity=lambda: "identity"), lambda count: count
""",
    "_utils.py": "def _rebuild_tensor_v2(): pass",
    "jit.py": """
def load(f): return f"script of {f.read().decode()}"
def save(m, f): f.write(b"PK" + m.encode())
def trace(func, example_inputs): return func
""",
    "serialization.py": """
import pickle, torch

def save(obj, f, *, _use_new_zipfile_serialization=True):
    pickle.dump(obj, f)

def load(f, map_location=None, pickle_module=None, *, weights_only=False):
    if not hasattr(f, "read"):
        with open(f, "rb") as file:
            return load(file, map_location, pickle_module, weights_only=weights_only)
    if f.read(2) == b"PK":
        return torch.jit.load(f)
    f.seek(0)
    assert not weights_only
    return (pickle_module or pickle).Unpickler(f).load()
""",
}

ATTACKS = ("pth", "old_pth", "base64", "pkl", "loads", "nested", "subclass", "python", "accelerator")


def run(
    tmp_path: Path, *names: str, launcher: tuple[str, ...] = LAUNCHER, torch: Mapping[str, str] = OLD_TORCH
) -> dict[str, str]:
    """Run cases of the hostile Web UI; `torch` replaces the real one. Return the outcomes."""
    folder = tmp_path / "ran"
    folder.mkdir()
    if torch:
        (tmp_path / "torch").mkdir()
    for name, text in torch.items():
        (tmp_path / "torch" / name).write_text(text)
    output = subprocess.check_output(
        [sys.executable, *launcher, HOSTILE_WEBUI, folder, *names],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{tmp_path}:{PROJECT}", "PYTHONWARNINGS": "ignore"},
        text=True,
    )
    outcomes: dict[str, str] = json.loads(output)
    return outcomes


def attacks_that_ran(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "ran").iterdir()}


def test_every_attack_works_on_a_web_ui_without_the_launcher(tmp_path: Path) -> None:
    outcomes = run(tmp_path, *ATTACKS, "function", "torchscript", launcher=())

    assert attacks_that_ran(tmp_path) == set(ATTACKS)
    assert outcomes["function"] == "loaded: 1"
    assert outcomes["torchscript"].startswith("loaded: script")


def test_no_attack_works_behind_the_launcher(tmp_path: Path) -> None:
    outcomes = run(tmp_path, *ATTACKS, "function", "torchscript", "data")

    assert attacks_that_ran(tmp_path) == set()
    for name in ATTACKS:
        assert outcomes[name].startswith("UnpicklingError: `posix.mkdir` is not allowed in a pickle"), name
        assert "convert the file to .safetensors" in outcomes[name]
    assert outcomes["function"] == "UnpicklingError: a pickle must not change a class or a function"
    assert outcomes["torchscript"].startswith("UnpicklingError: the file holds TorchScript")
    assert outcomes["data"] == "loaded: {'mtime': 1.5, 'sha256': None, 'kinds': [{1}]}"


@pytest.mark.slow  # the import of torch takes seconds
def test_no_attack_works_with_the_newest_torch(tmp_path: Path) -> None:
    good = {
        "weights": "loaded: 4.0",
        "old_weights": "loaded: 4.0",
        "arrays": "loaded: [1.0, 1.0]",
        "parameters": "loaded: [1.0, 1.0, 1.0]",
    }
    outcomes = run(tmp_path, *ATTACKS, "function", "torchscript", *good, torch={})

    assert attacks_that_ran(tmp_path) == set()
    assert {name for name, outcome in outcomes.items() if outcome.startswith("UnpicklingError")} == {
        *ATTACKS,
        "function",
        "torchscript",
    }
    assert {name: outcomes[name] for name in good} == good


def test_a_pickle_may_name_nothing_that_runs_code() -> None:
    assert {name for names in ALLOWED.values() for name in names}.isdisjoint(
        {"getattr", "eval", "exec", "__import__", "open", "type", "object", "compile", "globals"}
    )


def test_a_library_that_may_have_kept_the_unpicklers_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    with pytest.raises(RuntimeError, match="torch was imported before"):
        make_pickle_safe()


def test_the_web_ui_fetches_no_links(tmp_path: Path) -> None:
    run(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text()) == {"api_enable_requests": False}


def test_the_web_ui_finds_no_code_of_the_process_before_it(tmp_path: Path) -> None:
    (tmp_path / "extensions" / "left-behind" / "scripts").mkdir(parents=True)
    run(tmp_path)
    assert not (tmp_path / "extensions").exists()


@pytest.mark.parametrize(
    ("found", "written"),
    [
        ('{"api_enable_requests": true, "CLIP_stop_at_last_layers": 2}', {"CLIP_stop_at_last_layers": 2}),
        ("broken {", {}),
        ("[1]", {}),
    ],
)
def test_other_options_stay(tmp_path: Path, found: str, written: dict[str, int]) -> None:
    file = tmp_path / "config.json"
    file.write_text(found)
    write_fixed_options(file)
    assert json.loads(file.read_text()) == {**written, "api_enable_requests": False}


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        ([], "."),
        (["--api", "--data-dir", "/var/webui", "--port", "7860"], "/var/webui"),
        (["--data-dir=/a", "--data-dir=/b"], "/b"),
    ],
)
def test_options_and_outputs_are_where_the_web_ui_has_them(arguments: list[str], folder: str) -> None:
    assert data_folder(arguments) == Path(folder)


def test_outputs_of_earlier_tasks_are_removed(tmp_path: Path) -> None:
    old, new, target = (tmp_path / name for name in ("txt2img/old.png", "txt2img/new.png", "elsewhere"))
    old.parent.mkdir()
    for file, written_at in ((old, 100.0), (new, 200.0), (target, 100.0)):
        file.touch()
        os.utime(file, (written_at, written_at))
    (old.parent / "link.png").symlink_to(target)

    remove_old_outputs(old.parent, before=150.0)

    assert sorted(path.name for path in old.parent.iterdir()) == ["new.png"]
    assert target.exists()
