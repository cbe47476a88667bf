"""Scripts of the build, run with repositories and packages of this machine."""

import hashlib
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


def repository(folder: Path, **files: str) -> tuple[str, str]:
    """Make a repository with these files and two commits; return both commits."""
    data = folder / "clip_interrogator" / "data"
    data.mkdir(parents=True)
    git(folder, "init", "--quiet")
    for name, content in files.items():
        (folder / name).write_text(content)
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


def install(tmp_path: Path, shelf: Shelf, **pins: str) -> tuple[set[str], str]:
    """Run install_webui.sh with the real uv. Return the installed packages, and the message of a failure."""
    uv = Path(sys.executable).with_name("uv")
    file, environment = tmp_path / "versions.env", tmp_path / "environment"
    file.write_text(VERSIONS.read_text() + "".join(f"{name}={value}\n" for name, value in pins.items()))
    variables = {
        "PATH": f"{uv.parent}:{os.defpath}",
        "UV_OFFLINE": "1",
        "UV_NO_CACHE": "1",
        "UV_NO_CONFIG": "1",
        "UV_FIND_LINKS": str(shelf.folder),
        "TMPDIR": str(tmp_path),
    }
    command = [SCRIPTS / "install_webui.sh", file, tmp_path / "webui.lock", tmp_path / "webui", environment]
    result = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if result.returncode:
        return set(), result.stderr
    freeze: list[str | Path] = [uv, "pip", "freeze", "--python", environment / "bin" / "python"]
    return set(subprocess.check_output(freeze, env=variables, text=True).split()), ""


@pytest.fixture
def webui_pins(tmp_path: Path, shelf: Shelf) -> dict[str, str]:
    """Sources, lock file and links of a small Web UI; return the pins that name them."""
    controlnet = tmp_path / "webui" / "extensions-builtin" / "sd-webui-controlnet"
    controlnet.mkdir(parents=True)
    (tmp_path / "webui" / "requirements_versions.txt").write_text("torch\nprotobuf==3.20.0\n")
    (controlnet / "requirements.txt").write_text("mediapipe\n")
    packages = (("setuptools", "69.5.1"), ("wheel", "1.0"), ("torch", "2.1.2"), ("protobuf", "3.20.0"))
    links = [shelf.add(name, version) for name, version in packages]
    # What the lock file leaves out is not installed, although another package asks for it.
    links.append(shelf.add("mediapipe", "0.10.11", "protobuf<4"))
    shelf.add("protobuf", "4.25.4")
    (tmp_path / "webui.lock").write_text(
        "".join(
            f"{name}=={version} \\\n    --hash=sha256:{hash_of(link)}\n"
            for (name, version), link in zip((*packages, ("mediapipe", "0.10.11")), links, strict=True)
        )
    )
    pins = {"WEBUI_PYTHON": sys.executable}
    for name in (name for name in versions() if name.endswith(("_WHEEL", "_PACKAGE"))):
        link = shelf.add(name.rpartition("_")[0].lower(), "1.0", "protobuf>=4")
        pins |= {name: link, f"{name}_SHA256": hash_of(link)}
    return pins


def hash_of(link: str) -> str:
    return hashlib.sha256(Path(link.removeprefix("file://")).read_bytes()).hexdigest()


def test_the_web_uis_environment_is_the_lock_file_and_the_links(
    tmp_path: Path, shelf: Shelf, webui_pins: dict[str, str]
) -> None:
    installed, message = install(tmp_path, shelf, **webui_pins)

    assert not message
    locked = {"setuptools==69.5.1", "wheel==1.0", "torch==2.1.2", "protobuf==3.20.0", "mediapipe==0.10.11"}
    assert locked <= installed
    linked = {name.rpartition("_")[0].lower() for name in webui_pins if name.endswith(("_WHEEL", "_PACKAGE"))}
    assert {line for line in installed if line.startswith("file:")} == {
        link for name, link in webui_pins.items() if name.endswith(("_WHEEL", "_PACKAGE"))
    }
    assert len(linked) == 5


def test_a_link_without_a_hash_ends_the_build(tmp_path: Path, shelf: Shelf, webui_pins: dict[str, str]) -> None:
    _, message = install(tmp_path, shelf, **webui_pins | {"DSINE_WHEEL_SHA256": ""})
    assert "DSINE_WHEEL_SHA256 is empty in versions.env; run `make pins`" in message


@pytest.mark.parametrize("replaced", ["dsine-1.0-py3-none-any.whl", "mediapipe-0.10.11-py3-none-any.whl"])
def test_a_file_that_was_replaced_ends_the_build(
    tmp_path: Path, shelf: Shelf, webui_pins: dict[str, str], replaced: str
) -> None:
    with zipfile.ZipFile(shelf.folder / replaced, "a") as wheel:
        wheel.writestr("hostile.py", "")
    _, message = install(tmp_path, shelf, **webui_pins)
    assert "Hash mismatch" in message


def test_a_lock_file_that_lacks_what_the_web_ui_asks_for_ends_the_build(
    tmp_path: Path, shelf: Shelf, webui_pins: dict[str, str]
) -> None:
    (tmp_path / "webui" / "requirements_versions.txt").write_text("torch\nprotobuf==4.25.4\n")
    _, message = install(tmp_path, shelf, **webui_pins)
    assert "protobuf" in message


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
