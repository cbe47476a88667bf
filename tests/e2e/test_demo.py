"""`make run`, as it is typed: exit code 0, a picture for every documented request and way in, and their sheet."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

# The demo starts its own local system with embedded Web UIs.
pytestmark = [pytest.mark.slow]

PROJECT = Path(__file__).parents[2]


def test_the_demo_shows_every_documented_request(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "local.demo",
        "--out",
        str(tmp_path / "out"),
        "--state-dir",
        str(tmp_path / "state"),
    ]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=220)
    assert result.returncode == 0, result.stderr
    pictures = {path.name.rsplit("-", 2)[0] for path in (tmp_path / "out").glob("*-1.png")}
    workflows = {"test-pipeline", "workflow-v1alpha2-http"}
    assert pictures == {"first-image", "second-image"} | workflows | {
        f"{document}-{format_}-{way_in}"
        for document in ("text-to-image", "image-to-image")
        for format_ in ("v1alpha2", "v1alpha1")
        for way_in in ("topic", "http")
    }
    with Image.open(tmp_path / "out" / "contact-sheet.png") as sheet:
        assert sheet.width > 4 * 256
    assert result.stdout.count('"result": true') == 0, "callbacks are for people, on standard error"
    assert result.stderr.count('"result": true') == len(pictures)
    callbacks = [line.removeprefix("callback ") for line in result.stderr.splitlines() if line.startswith("callback ")]
    assert {json.loads(callback)["id"] for callback in callbacks} == pictures, "a callback is one line"
    assert "contact-sheet.png" in result.stderr
