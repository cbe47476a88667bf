"""The build's own scripts, with repositories of this machine and a uv that only takes notes."""

import os
import subprocess
from pathlib import Path

import pytest

from runtime_image.agent.clock import Clock
from runtime_image.supervisor.condition import Condition
from runtime_image.supervisor.health_check import main as check_health
from runtime_image.supervisor.health_server import HealthServer
from runtime_image.supervisor.metrics import Metrics
from tests.unit.runtime_image.image.dockerfile import PROJECT, VERSIONS, versions

SCRIPTS = PROJECT / "runtime_image" / "build"
NAMES = ("WEBUI", "ASSETS", "STABLE_DIFFUSION", "STABLE_DIFFUSION_XL", "K_DIFFUSION", "BLIP", "CONTROLNET")


def git(folder: Path, *arguments: str) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@t",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@t",
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": "/dev/null"}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.check_output(command, env=environment, text=True).strip()


def repository(folder: Path) -> tuple[str, str]:
    """Make a repository with two commits; return both."""
    folder.mkdir()
    git(folder, "init", "--quiet")
    commits = []
    for text in ("pinned", "newer"):
        (folder / "launch.py").write_text(f"{folder.name} {text}")
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", text)
        commits.append(git(folder, "rev-parse", "HEAD"))
    return commits[0], commits[1]


def fetch(tmp_path: Path, pins: dict[str, str]) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "versions.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in pins.items()))
    command = [SCRIPTS / "fetch_sources.sh", file, tmp_path / "webui"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_sources_are_fetched_at_their_commits(tmp_path: Path) -> None:
    pins: dict[str, str] = {}
    for name in NAMES:
        commit, _ = repository(tmp_path / name)
        pins |= {f"{name}_REPO": f"file://{tmp_path / name}", f"{name}_COMMIT": commit}

    result = fetch(tmp_path, pins)

    assert result.returncode == 0, result.stderr
    webui = tmp_path / "webui"
    found = {str(path.parent.relative_to(webui)): path.read_text() for path in webui.rglob("launch.py")}
    assert found == {
        ".": "WEBUI pinned",
        "repositories/stable-diffusion-webui-assets": "ASSETS pinned",
        "repositories/stable-diffusion-stability-ai": "STABLE_DIFFUSION pinned",
        "repositories/generative-models": "STABLE_DIFFUSION_XL pinned",
        "repositories/k-diffusion": "K_DIFFUSION pinned",
        "repositories/BLIP": "BLIP pinned",
        "extensions-builtin/sd-webui-controlnet": "CONTROLNET pinned",
    }
    assert not list(webui.rglob(".git"))


@pytest.mark.parametrize("commit", ["0" * 40, "HEAD"])
def test_a_commit_that_is_not_the_pinned_one_ends_the_build(tmp_path: Path, commit: str) -> None:
    repository(tmp_path / "WEBUI")

    result = fetch(tmp_path, {"WEBUI_REPO": f"file://{tmp_path / 'WEBUI'}", "WEBUI_COMMIT": commit})

    assert result.returncode != 0
    assert not (tmp_path / "webui" / "repositories").exists()


def test_what_the_web_uis_environment_is_made_of(tmp_path: Path) -> None:
    notes, uv = tmp_path / "notes", tmp_path / "uv"
    uv.write_text(f'#!/bin/sh\necho "$@" >> {notes}\ncase "$*" in *show*) echo "Version: 2.1.2+cu121";; esac\n')
    uv.chmod(0o755)

    subprocess.run(
        [SCRIPTS / "install_webui.sh", VERSIONS, "/opt/webui", tmp_path / "environment"],
        env={"PATH": f"{tmp_path}:{os.defpath}"},
        check=True,
    )

    lines = notes.read_text().splitlines()
    pins = versions()
    (torch,) = [line for line in lines if f"torch=={pins['TORCH_VERSION']}" in line]
    assert pins["TORCH_INDEX_URL"] in torch
    assert f"torchvision=={pins['TORCHVISION_VERSION']}" in torch
    others = [line for line in lines if line.startswith("pip install") and line != torch]
    assert len(others) == 4
    assert all(f"--exclude-newer {pins['WEBUI_PACKAGES_UNTIL']}" in line for line in others)
    assert any(pins["CLIP_PACKAGE"] in line and "--no-build-isolation" in line for line in others)
    assert "/opt/webui/extensions-builtin/sd-webui-controlnet/requirements.txt" in others[-1]


def test_the_health_check_tells_a_living_container_from_a_dead_one(tmp_path: Path) -> None:
    clock = Clock()
    condition = Condition(seen_at=clock.monotonic())
    metrics = Metrics(runtime="r", condition=condition, models_directory=tmp_path, models_state_file=None)
    server = HealthServer(port=0, condition=condition, metrics=metrics, clock=clock)
    environment = {"HEALTH_PORT": str(server.port)}
    assert check_health(environment) == 0
    condition.seen_at -= 1000
    assert check_health(environment) == 1
    server.stop()
    assert check_health(environment) == 1
