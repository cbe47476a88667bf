"""The process of the embedded Web UI: its start, its first line, its stop."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import embedded_webui.__main__ as program

#: Seconds for each act of the process, on a busy machine.
DEADLINE_SECONDS = 30


@pytest.fixture
def empty_web_ui(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    command = [sys.executable, "-m", "embedded_webui", "--port", "0", "--models-folder", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        line = json.loads(process.stdout.readline())
        assert line["event"] == "listening"
        yield process, f"http://127.0.0.1:{line['port']}/sdapi/v1"
        process.kill()


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_it_answers_without_a_checkpoint_and_stops_cleanly(
    empty_web_ui: tuple[subprocess.Popen[bytes], str], stop_signal: signal.Signals
) -> None:
    process, url = empty_web_ui
    assert httpx.get(f"{url}/sd-models", timeout=DEADLINE_SECONDS).json() == []
    idle = httpx.get(f"{url}/progress", timeout=DEADLINE_SECONDS).json()
    assert (idle["progress"], idle["state"]["job_no"], idle["state"]["sampling_steps"]) == (0, 0, 0)
    refused = httpx.post(f"{url}/txt2img", json={"prompt": "a cat"}, timeout=DEADLINE_SECONDS)
    assert refused.status_code == 500
    assert refused.json()["error"] == "FileNotFoundError"
    assert refused.json()["errors"].startswith("No checkpoints found. When searching for checkpoints, looked at:")
    process.send_signal(stop_signal)
    assert process.wait(timeout=DEADLINE_SECONDS) == 0


@pytest.mark.slow
def test_threads_of_torch_do_not_spin_while_they_wait(models_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_DISPLAY_ENV", "verbose")
    command = [sys.executable, "-m", "embedded_webui", "--port", "0", "--models-folder", str(models_folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        # OpenMP prints its settings when the warm-up imports torch.
        spins = next(line for line in process.stderr if "GOMP_SPINCOUNT" in line)
        process.kill()
    assert "'0'" in spins


def test_the_help_names_every_setting(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["embedded_webui", "--help"])
    with pytest.raises(SystemExit):
        program.main()
    text = capsys.readouterr().out
    assert all(option in text for option in ("--host", "--port", "--models-folder", "--threads"))
