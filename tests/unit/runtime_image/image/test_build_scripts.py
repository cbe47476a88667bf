"""Scripts of the build, run with repositories and packages of this machine."""

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from runtime_image.process.clock import Clock
from runtime_image.supervisor.container_metrics import ContainerMetrics
from runtime_image.supervisor.container_status import ContainerStatus
from runtime_image.supervisor.health_check import main as check_health
from runtime_image.supervisor.health_server import HealthServer
from tests.unit.runtime_image.image.dockerfile import PROJECT, VERSIONS, versions

SCRIPTS = PROJECT / "runtime_image" / "build"
NAMES = (
    "WEBUI",
    "ASSETS",
    "STABLE_DIFFUSION",
    "STABLE_DIFFUSION_XL",
    "K_DIFFUSION",
    "BLIP",
    "CONTROLNET",
    "INTERROGATE",
)
#: The words of `interrogate`, where their repository has them.
CATEGORIES = ("artists", "flavors", "mediums", "movements")


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
    data = folder / "clip_interrogator" / "data"
    data.mkdir(parents=True)
    git(folder, "init", "--quiet")
    commits = []
    for text in ("pinned", "newer"):
        (folder / "launch.py").write_text(f"{folder.name} {text}")
        for category in CATEGORIES:
            (data / f"{category}.txt").write_text(f"{folder.name} {category} {text}")
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
    assert {path.name: path.read_text() for path in (webui / "interrogate").iterdir()} == {
        f"{category}.txt": f"INTERROGATE {category} pinned" for category in CATEGORIES
    }

    # Otherwise the Web UI and ControlNet would make these next to their code, which is read-only in the image.
    for folder in ("config_states", "extensions-builtin/sd-webui-controlnet/presets"):
        assert (webui / folder).is_dir(), folder


@pytest.mark.parametrize("commit", ["0" * 40, "HEAD"])
def test_a_commit_that_is_not_the_pinned_one_ends_the_build(tmp_path: Path, commit: str) -> None:
    repository(tmp_path / "WEBUI")

    result = fetch(tmp_path, {"WEBUI_REPO": f"file://{tmp_path / 'WEBUI'}", "WEBUI_COMMIT": commit})

    assert result.returncode != 0
    assert not (tmp_path / "webui" / "repositories").exists()


@dataclass(frozen=True)
class Shelf:
    """Folder of packages that replaces every index."""

    folder: Path

    def add(self, name: str, version: str, *requirements: str) -> str:
        """Put an empty package there; return its link."""
        information = f"{name}-{version}.dist-info"
        needed = "".join(f"Requires-Dist: {requirement}\n" for requirement in requirements)
        path = self.folder / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(
                f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}"
            )
            wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{information}/RECORD", "")
        return path.as_uri()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    folder = tmp_path / "shelf"
    folder.mkdir()
    return Shelf(folder)


def install(tmp_path: Path, shelf: Shelf, **pins: str) -> tuple[set[str], list[str]]:
    """Run install_webui.sh with the real uv. Return the installed packages, and the arguments that uv received."""
    uv, arguments, folder = Path(sys.executable).with_name("uv"), tmp_path / "arguments", tmp_path / "bin"
    folder.mkdir()
    (folder / "uv").write_text(f'#!/bin/sh\necho "$@" >> {arguments}\nexec {uv} "$@"\n')
    (folder / "uv").chmod(0o755)
    file, environment = tmp_path / "versions.env", tmp_path / "environment"
    file.write_text(VERSIONS.read_text() + "".join(f"{name}={value}\n" for name, value in pins.items()))
    variables = {
        "PATH": f"{folder}:{os.defpath}",
        "UV_OFFLINE": "1",
        "UV_NO_CACHE": "1",
        "UV_NO_CONFIG": "1",
        "UV_FIND_LINKS": str(shelf.folder),
        "TMPDIR": str(tmp_path),
    }
    subprocess.run([SCRIPTS / "install_webui.sh", file, tmp_path / "webui", environment], env=variables, check=True)
    command: list[str | Path] = [uv, "pip", "freeze", "--python", environment / "bin" / "python"]
    return set(subprocess.check_output(command, env=variables, text=True).split()), arguments.read_text().splitlines()


def test_what_the_web_uis_environment_is_made_of(tmp_path: Path, shelf: Shelf) -> None:
    pins = versions()
    for name, version in (("torch", f"{pins['TORCH_VERSION']}+cu121"), ("torchvision", pins["TORCHVISION_VERSION"])):
        shelf.add(name, version)
        shelf.add(name, "99.0")
    for version in (pins["SETUPTOOLS_VERSION"], "99.0"):
        shelf.add("setuptools", version)
    for name in ("wheel", "onnxruntime", "geffnet", "ftfy"):
        shelf.add(name, "1.0")
    for version in ("3.20.0", "4.25.4"):
        shelf.add("protobuf", version)
    shelf.add("mediapipe", "0.10.11", "protobuf<4")
    shelf.add("mediapipe", "0.10.14", "protobuf>=4.25.3")
    controlnet = tmp_path / "webui" / "extensions-builtin" / "sd-webui-controlnet"
    controlnet.mkdir(parents=True)
    (tmp_path / "webui" / "requirements_versions.txt").write_text("torch\nprotobuf==3.20.0\n")
    (controlnet / "requirements.txt").write_text("mediapipe\n")
    wheels = {name: name.removesuffix("_WHEEL").lower() for name in pins if name.endswith("_WHEEL")}
    links = {name: shelf.add(package, "1.0", "protobuf>=4") for name, package in wheels.items()}

    installed, asked = install(
        tmp_path,
        shelf,
        WEBUI_PYTHON=sys.executable,
        CLIP_PACKAGE=shelf.add("clip", "1.0", "ftfy", "torch"),
        OPENCLIP_PACKAGE=shelf.add("open_clip_torch", "2.20.0"),
        **links,
    )

    names = {line.partition("==")[0].partition(" ")[0] for line in installed}
    assert {name.replace("_", "-") for name in wheels.values()} | {"clip", "open-clip-torch"} <= names
    assert installed >= {
        f"torch=={pins['TORCH_VERSION']}+cu121",
        f"torchvision=={pins['TORCHVISION_VERSION']}",
        f"setuptools=={pins['SETUPTOOLS_VERSION']}",
        "protobuf==3.20.0",
        "mediapipe==0.10.11",
        "onnxruntime==1.0",
    }
    torch, *others = [line for line in asked if line.startswith("pip install")]
    assert pins["TORCH_INDEX_URL"] in torch
    assert all(f"--exclude-newer {pins['WEBUI_PACKAGES_UNTIL']}" in line for line in others)
    assert any("clip-1.0" in line and "--no-build-isolation" in line for line in others)


#: Replacement of `transformers`: downloads a file into the cache as the hub's library does, or finds it there.
FAKE_TRANSFORMERS = """
import os
from pathlib import Path

class Loaded:
    @classmethod
    def from_pretrained(cls, repository, revision=None):
        folder = Path(os.environ["HF_HOME"], "hub", "models--" + repository.replace("/", "--"))
        if os.environ.get("HF_HUB_OFFLINE"):
            revision = (folder / "refs" / (revision or "main")).read_text()
            assert (folder / "snapshots" / revision / cls.__name__).exists()
        else:
            (folder / "snapshots" / revision).mkdir(parents=True, exist_ok=True)
            (folder / "snapshots" / revision / cls.__name__).touch()

class CLIPTokenizer(Loaded): pass
class CLIPTextConfig(Loaded): pass
class BertTokenizer(Loaded): pass
"""


def test_what_the_web_ui_reads_from_hugging_faces_cache_is_found_offline(tmp_path: Path) -> None:
    (tmp_path / "transformers.py").write_text(FAKE_TRANSFORMERS)
    pins, home = versions(), tmp_path / "home"
    script = str(SCRIPTS / "fetch_huggingface.py")
    command = [sys.executable, script, pins["CLIP_REVISION"], pins["BERT_REVISION"]]
    variables = {"HF_HOME": str(home), "PYTHONPATH": str(tmp_path)}
    offline = {**variables, "HF_HUB_OFFLINE": "1"}
    assert subprocess.run(command, env=offline, stderr=subprocess.DEVNULL, check=False).returncode != 0

    subprocess.run(command, env=variables, check=True)
    subprocess.run(command, env=offline, check=True)

    found = {str(path.relative_to(home / "hub")) for path in home.rglob("*") if path.is_file()}
    clip, bert = "models--openai--clip-vit-large-patch14", "models--bert-base-uncased"
    assert found == {
        f"{clip}/refs/main",
        f"{clip}/snapshots/{pins['CLIP_REVISION']}/CLIPTokenizer",
        f"{clip}/snapshots/{pins['CLIP_REVISION']}/CLIPTextConfig",
        f"{bert}/refs/main",
        f"{bert}/snapshots/{pins['BERT_REVISION']}/BertTokenizer",
    }


def test_the_health_check_tells_a_living_container_from_a_dead_one(tmp_path: Path) -> None:
    clock = Clock()
    status = ContainerStatus(ticked_at=clock.monotonic())
    metrics = ContainerMetrics(runtime="r", status=status, models_directory=tmp_path, models_state_file=None)
    server = HealthServer(port=0, status=status, metrics=metrics, clock=clock)
    environment = {"HEALTH_PORT": str(server.port)}
    assert check_health(environment) == 0
    status.ticked_at -= 1000
    assert check_health(environment) == 1
    server.stop()
    assert check_health(environment) == 1
