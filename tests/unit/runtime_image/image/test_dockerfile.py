"""Checks of the image that need no build."""

import ast
import json
import re
import shlex
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from runtime_image.process.webui_environment import WEBUI_VARIABLES
from runtime_image.supervisor.settings import SupervisorSettings
from stacks.constructs.runtime.images import WEBUI_HOST_COMMAND
from stacks.constructs.runtime.replica_limits import USER_ID, WEBUI_FOLDERS, WEBUI_USER_ID, WRITABLE_FOLDERS
from tests.unit.runtime_image.image.dockerfile import (
    DOCKERFILE,
    PROJECT,
    VERSIONS,
    ancestry,
    arguments,
    environment,
    is_sent,
    stages,
    versions,
)

BUILD_TOOLS = {"build-essential", "gcc", "g++", "make", "cmake", "git", "curl", "wget", "python3-dev", "python3-pip"}
#: Flags of the ControlNet extension, which the Web UI itself does not list.
EXTENSION_FLAGS = {"controlnet_annotator_models_path"}


def test_hadolint_has_nothing_to_say() -> None:
    command = [str(Path(sys.executable).with_name("hadolint")), "--failure-threshold", "style", str(DOCKERFILE)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_shellcheck_has_nothing_to_say() -> None:
    scripts = sorted((PROJECT / "runtime_image" / "build").glob("*.sh"))
    command = [str(Path(sys.executable).with_name("shellcheck")), *map(str, scripts)]
    assert scripts
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_everything_from_outside_is_pinned() -> None:
    pins = versions()
    for name, value in pins.items():
        match name.rpartition("_")[2]:
            case "COMMIT" | "REVISION":
                assert re.fullmatch(r"[0-9a-f]{40}", value), name
            case "SHA256":
                assert re.fullmatch(r"[0-9a-f]{64}", value) or (name.endswith("_WHEEL_SHA256") and not value), name
            case "VERSION":
                assert re.fullmatch(r"\d+\.\d+\.\d+", value), name
            case "PACKAGE":
                assert re.search(r"/archive/[0-9a-f]{40}\.zip$", value), name
                assert pins[f"{name}_SHA256"]
            case "WHEEL":
                assert f"{name}_SHA256" in pins
                assert re.search(r"/releases/download/v?[\d.]+/\w+-[\d.]+-[\w.]+-none-any\.whl$", value), name
            case "REPO":
                assert f"{name.removesuffix('_REPO')}_COMMIT" in pins
                assert value.startswith("https://github.com/"), name
            case "IMAGE":
                assert re.fullmatch(r"docker.io/library/ubuntu:22.04@sha256:[0-9a-f]{64}", value)
    assert "Stability-AI/stablediffusion" not in pins["STABLE_DIFFUSION_REPO"]


def test_every_pin_says_where_it_comes_from() -> None:
    blocks = VERSIONS.read_text().split("\n\n")
    assert [block for block in blocks if not block.startswith("#")] == []


def test_the_only_foreign_image_is_the_pinned_one() -> None:
    known = stages()
    foreign = {stage.base for stage in known.values()} - known.keys() - {"scratch"}
    assert foreign == {versions()["BASE_IMAGE"]}
    assert arguments()["BASE_IMAGE"] == versions()["BASE_IMAGE"]
    for name in ("WEBUI_VERSION", "COMFYUI_VERSION"):
        assert arguments()[name] == versions()[name]


def test_the_build_uses_every_pin_and_only_those_that_there_are() -> None:
    scripts = "".join(path.read_text() for path in (PROJECT / "runtime_image" / "build").iterdir())
    runs = "".join(value for stage in stages().values() for value in stage.values("RUN"))
    used = set(re.findall(r"\$\{?([A-Z][A-Z0-9_]+)\}?", scripts + runs)) | {
        *("BASE_IMAGE", "WEBUI_VERSION", "COMFYUI_VERSION")
    }
    assert used - {"CUSTOM_NODES"} == versions().keys()


def test_nvidias_container_runtime_gives_the_gpu_to_a_plain_base() -> None:
    assert environment()["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert set(environment()["NVIDIA_DRIVER_CAPABILITIES"].split(",")) == {"compute", "utility"}


@pytest.mark.parametrize("runtime_type", ["sdwebui", "comfyui"])
def test_no_build_tool_reaches_the_image(runtime_type: str) -> None:
    chain = ancestry("runtime", runtime_type)
    assert [stage.name for stage in chain] == ["runtime", f"runtime-{runtime_type}", "base"]
    words = {word for stage in chain for value in stage.values("RUN") for word in value.split()}
    assert "libgl1" in words
    assert not words & BUILD_TOOLS
    copied = {value.split()[1] for stage in chain for value in stage.values("COPY") if "--from=tools" in value}
    assert copied == {"/build/tini"}


def test_it_runs_without_rights_under_tini() -> None:
    runtime = stages()["runtime"]
    assert runtime.values("USER") == ["10001:10001"]
    after = [name for name, _ in runtime.instructions]
    assert after.index("USER") > max(index for index, name in enumerate(after) if name in {"RUN", "COPY"})
    python = "/opt/agent-environment/bin/python"
    assert runtime.command("ENTRYPOINT") == ["/usr/local/bin/tini", "--", python, "-m", "runtime_image.supervisor"]
    assert f'CMD ["{python}", "-m", "runtime_image.supervisor.health_check"]' in runtime.values("HEALTHCHECK")[0]
    labels = " ".join(runtime.values("LABEL"))
    for name in ("title", "description", "version", "revision"):
        assert f"org.opencontainers.image.{name}=" in labels


def test_what_changes_most_comes_last() -> None:
    sources = [value.split()[-1] for stage in reversed(ancestry("runtime")) for value in stage.values("COPY")]
    assert sources[-4:] == ["contract", "guarded_http", "task_store", "runtime_image"]
    assert (
        sources.index("/opt/webui-environment")
        < sources.index("/opt/models/")
        < sources.index("/opt/agent-environment")
    )


def test_every_source_exists_and_is_sent() -> None:
    known = stages()
    for stage in known.values():
        for value in stage.values("COPY"):
            *flags, sources, _ = shlex.split(value)
            origin = [flag.removeprefix("--from=") for flag in flags if flag.startswith("--from=")]
            if origin:
                assert origin[0] in known, value
            else:
                assert (PROJECT / sources).exists(), value
                assert is_sent(sources), value


def test_nothing_else_is_sent() -> None:
    assert is_sent("runtime_image/agent/task_loop.py")
    for path in (
        ".git/config",
        ".venv/bin/python",
        ".env",
        "environments/prod.yaml",
        "local/command_line.py",
        "secrets.txt",
    ):
        assert not is_sent(path), path
    assert not is_sent("contract/__pycache__/task.cpython-311.pyc")
    assert not is_sent("runtime_image/agent/old.pyc")


def test_all_that_the_image_imports_is_in_it() -> None:
    imports = {
        line.split()[1].partition(".")[0]
        for path in (PROJECT / "runtime_image").rglob("*.py")
        for line in path.read_text().splitlines()
        if re.match(r"(from|import) \w", line)
    }
    ours = {path.name for path in PROJECT.iterdir() if (path / "__init__.py").exists()}
    assert imports & ours <= {"contract", "guarded_http", "task_store", "runtime_image"}


def test_the_web_uis_flags_exist_and_none_is_forbidden() -> None:
    recorded = json.loads((PROJECT / "embedded_webui/data/lists.json").read_text())["cmd-flags"]
    words = shlex.split(environment()["WEBUI_COMMAND"])
    flags = {word.removeprefix("--").replace("-", "_") for word in words if word.startswith("--")} - {
        "chdir=/opt/webui"
    }
    assert flags - EXTENSION_FLAGS <= recorded.keys()
    assert {"api", "hide_ui_dir_config", "opt_sdp_attention", "no_download_sd_model"} <= flags
    assert not flags & {"nowebui", "disable_safe_unpickle", "listen", "share", "enable_insecure_extension_access"}


def test_the_web_ui_starts_through_the_launcher() -> None:
    words = shlex.split(environment()["WEBUI_COMMAND"])
    assert words[words.index("-m") :][:3] == ["-m", "runtime_image.launcher", "launch.py"]
    (sources,) = [word for word in words if word.startswith("PYTHONPATH=")]
    assert sources.removeprefix("PYTHONPATH=") in stages()["runtime"].values("WORKDIR")
    for file in (PROJECT / "runtime_image" / "launcher").glob("*.py"):
        # It runs in the Web UI's Python.
        ast.parse(file.read_text(), feature_version=int(versions()["WEBUI_PYTHON"].partition("3.")[2]))
        imported = set(re.findall(r"^(?:from|import) ([\w.]+)", file.read_text(), re.MULTILINE))
        assert {
            name for name in imported if not name.startswith("runtime_image.launcher")
        } <= sys.stdlib_module_names | {"collections.abc"}


def test_the_web_ui_may_have_every_variable_of_its_stage() -> None:
    given = {
        word.split("=", 1)[0] for value in stages()["runtime-sdwebui"].values("ENV") for word in shlex.split(value)
    }
    assert given - {"RUNTIME_TYPE", "WEBUI_URL", "WEBUI_COMMAND"} <= WEBUI_VARIABLES


def test_each_container_has_its_user() -> None:
    (run,) = stages()["runtime"].values("RUN")
    assert {int(number) for number in re.findall(r"--uid (\d+)", run)} == {USER_ID, WEBUI_USER_ID}
    (entry,) = [word for word in stages()["runtime"].command("ENTRYPOINT") if word.endswith("/python")]
    assert (entry, "-m", "runtime_image.webui_host") == WEBUI_HOST_COMMAND
    # Both containers have the Web UI's data at the same place, each in a separate volume. Docker mounts a memory file
    # system with the mode of the folder in the image.
    assert re.search(rf"--mode=1777 {WEBUI_FOLDERS['webui-state']}$", run)
    assert WRITABLE_FOLDERS["state"] == WEBUI_FOLDERS["webui-state"]


def test_torch_reads_its_hub_where_nobody_can_write() -> None:
    folder = environment()["TORCH_HOME"]
    assert not any(folder.startswith(writable) for writable in WRITABLE_FOLDERS.values())


def test_the_supervisor_reads_the_images_variables() -> None:
    settings = SupervisorSettings.from_environment({**environment(), "RUNTIME": "sdruntime"})
    assert settings.webui_command[0] == "env"
    assert settings.webui_url.endswith(f":{settings.webui_command[settings.webui_command.index('--port') + 1]}")
    assert str(settings.models_directory) == "/models"
    assert str(settings.models_directory) in settings.webui_command


def test_the_web_uis_data_folder_is_there_when_a_volume_hides_the_images() -> None:
    command = SupervisorSettings.from_environment({**environment(), "RUNTIME": "sdruntime"}).webui_command
    assert command[command.index("--data-dir") + 1] in WRITABLE_FOLDERS.values()


def test_no_volume_hides_the_models_that_are_baked_in() -> None:
    (copy,) = [value for value in stages()["runtime"].values("COPY") if "--from=models" in value]
    folder = copy.split()[-1].rstrip("/")
    assert environment()["BAKED_MODELS_DIRECTORY"] == folder
    assert not any(folder.startswith(writable) for writable in WRITABLE_FOLDERS.values())


def test_the_build_looks_offline_for_what_it_took_from_hugging_face() -> None:
    (run,) = [value for value in stages()["sdwebui"].values("RUN") if "fetch_huggingface" in value]
    assert run.rstrip().endswith("HF_HUB_OFFLINE=1 ${fetch}")


def locked(file: str) -> dict[str, str]:
    text = (PROJECT / "runtime_image" / file).read_text()
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    return dict(entry.split(" ", 1)[0].split("==") for entry in entries)


def test_the_lock_file_is_complete() -> None:
    versions_locked = locked("requirements.lock")
    needed = [Requirement(text) for name in versions_locked for text in requires(name) or ()]
    applying = {item.name for item in needed if item.marker is None or item.marker.evaluate({"extra": ""})}
    assert {name.lower().replace("_", "-") for name in applying} <= versions_locked.keys()


@pytest.mark.parametrize("engine", ["webui", "comfyui"])
def test_an_engines_lock_file_has_what_its_list_asks_for(engine: str) -> None:
    lines = (PROJECT / "runtime_image" / f"{engine}-requirements.in").read_text().splitlines()
    asked = [Requirement(line) for line in lines if line and not line.startswith("#")]
    versions_locked = locked(f"{engine}-requirements.lock")
    missing = {item.name for item in asked if versions_locked.get(item.name, "") not in item.specifier}
    assert not missing, "run `make lock`"
