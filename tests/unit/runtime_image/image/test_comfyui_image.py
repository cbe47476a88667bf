"""Checks of ComfyUI's image that need no build, and its scripts, run with repositories of this machine."""

import gc
import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from contract.model_folders import COMFYUI_FURTHER_FOLDERS
from contract.pipeline.node_list import NodeList, core_nodes
from runtime_image.comfyui import outputs
from runtime_image.launcher.comfyui import FOLDERS, MAX_FILE_BYTES, WORKER_ENDED, freeze_after_first_prompt
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.webui_environment import WEBUI_VARIABLES
from runtime_image.supervisor.settings import SupervisorSettings
from stacks.config.gpu_instances import GPU_FAMILIES
from stacks.constructs.runtime.replica_limits import EXCHANGE_FOLDER, WEBUI_FOLDERS, WRITABLE_FOLDERS
from tests.unit.runtime_image.image.dockerfile import PROJECT, environment, stages, versions
from tests.unit.runtime_image.image.test_build_scripts import SCRIPTS, Shelf, hash_of, repository
from tests.unit.runtime_image.image.test_dockerfile import locked

#: Flags of ComfyUI 0.33.0 that the image must not have.
FORBIDDEN = {"--disable-metadata", "--enable-cors-header", "--multi-user", "--base-directory"}


def command() -> tuple[str, ...]:
    return SupervisorSettings.from_environment({**environment("comfyui"), "RUNTIME": "comfy"}).webui_command


def value_of(flag: str) -> str:
    return command()[command().index(flag) + 1]


def test_the_supervisor_starts_comfyui_through_its_launcher() -> None:
    words = command()
    settings = SupervisorSettings.from_environment({**environment("comfyui"), "RUNTIME": "comfy"})
    assert settings.runtime_type == "comfyui"
    assert settings.comfyui_url == f"http://{value_of('--listen')}:{value_of('--port')}"
    assert words[words.index("-m") + 1 :][:2] == ("runtime_image.launcher.comfyui", "main.py")
    assert "--disable-api-nodes" in words
    assert not FORBIDDEN & set(words)
    assert value_of("--models-directory") == str(settings.models_directory)


def test_comfyui_writes_to_volumes_only() -> None:
    writable = {*WEBUI_FOLDERS.values(), EXCHANGE_FOLDER}
    for flag in FOLDERS:
        assert any(value_of(flag).startswith(folder) for folder in writable), flag
    variables = environment("comfyui")
    assert variables["COMFYUI_INPUT_FOLDER"] == value_of("--input-directory")
    assert variables["COMFYUI_OUTPUT_FOLDER"] == value_of("--output-directory")
    # ComfyUI adds the last part.
    assert variables["COMFYUI_TEMP_FOLDER"] == f"{value_of('--temp-directory')}/temp"
    assert not any(EXCHANGE_FOLDER.startswith(folder) for folder in WRITABLE_FOLDERS.values())
    # Docker gives a volume the mode of the folder in the image, and both users write there.
    (run,) = stages()["runtime-comfyui"].values("RUN")
    assert run.endswith(f"--mode=1777 {EXCHANGE_FOLDER}")


def test_comfyui_may_have_every_variable_of_its_stage() -> None:
    given = {
        word.split("=", 1)[0] for value in stages()["runtime-comfyui"].values("ENV") for word in shlex.split(value)
    }
    agents = {name for name in given if name.startswith("COMFYUI_")} | {"NODE_LIST", "RUNTIME_TYPE", "WEBUI_COMMAND"}
    assert given - agents <= WEBUI_VARIABLES


def test_the_agent_reads_the_list_that_the_build_has_written() -> None:
    (written,) = [value for value in stages()["comfyui"].values("RUN") if "write_node_list" in value]
    assert written.split()[-1] == environment("comfyui")["NODE_LIST"]


def test_torch_is_built_for_the_gpus_that_the_environment_file_accepts() -> None:
    packages = locked("comfyui-requirements.lock")
    assert re.match(r"12\.8\.", packages["nvidia-cuda-runtime-cu12"])
    unfit = {family for family, facts in GPU_FAMILIES.items() if "comfyui" not in facts.built_images}
    assert unfit == {"p3dn"}, "the wheels for CUDA 12.8 have code for Turing to Blackwell"


def test_comfyui_finds_the_models_of_both_engines_in_one_bucket() -> None:
    content = yaml.safe_load((SCRIPTS / "extra_model_paths.yaml").read_text())
    (paths,) = content.values()
    assert paths.pop("base_path") == environment("comfyui")["MODELS_DIRECTORY"]
    assert {folder: tuple(others.split()) for folder, others in paths.items()} == COMFYUI_FURTHER_FOLDERS


#: Program in the place of ComfyUI's: it records its arguments, and tries to write a file of more than 2 GiB.
SCRIPT = """
import json, sys
open("arguments.json", "w").write(json.dumps(sys.argv))
try:
    open("video", "wb").truncate(2 * 1024**3 + 1)
except OSError as error:
    open("error.txt", "w").write(error.strerror)
"""


@pytest.mark.parametrize(
    ("further", "kept"),
    [
        ("--lowvram --reserve-vram '2'", ["--disable-api-nodes", "--lowvram", "--reserve-vram", "2"]),
        ("--api-nodes --lowvram", ["--lowvram"]),
    ],
)
def test_comfyui_starts_with_its_folders_and_the_runtimes_arguments(
    tmp_path: Path, further: str, kept: list[str]
) -> None:
    script = tmp_path / "main.py"
    script.write_text(SCRIPT)
    folders = {flag: tmp_path / flag.strip("-") for flag in FOLDERS}
    arguments = [word for flag, folder in folders.items() for word in (flag, str(folder))]
    code = "import sys; from runtime_image.launcher.comfyui import main; main(*sys.argv[1:])"
    variables = {"PYTHONPATH": str(PROJECT), "COMMANDLINE_ARGS": further}
    subprocess.run(
        [sys.executable, "-c", code, "main.py", *arguments, "--disable-api-nodes"],
        env=variables,
        cwd=tmp_path,
        check=True,
    )

    given = yaml.safe_load((tmp_path / "arguments.json").read_text())
    assert given == ["main.py", *arguments, *kept]
    # The agent is another user, which writes inputs and removes outputs.
    assert {folder.stat().st_mode & 0o777 for folder in folders.values()} == {0o777}
    # A video beyond the limit fails its node, because the disk is that of all tasks.
    assert (tmp_path / "error.txt").read_text() == "File too large"
    assert MAX_FILE_BYTES == outputs.MAX_FILE_BYTES


def test_garbage_of_the_start_is_not_collected_again_after_the_first_prompt() -> None:
    gc.callbacks.append(freeze_after_first_prompt)
    before = gc.get_freeze_count()
    try:
        gc.collect()
        # Fewer if one of them has ended.
        assert gc.get_freeze_count() <= before, "another thread"
        worker = threading.Thread(target=gc.collect, name="Thread-4 (prompt_worker)")
        worker.start()
        worker.join()
        assert gc.get_freeze_count() > before
        assert freeze_after_first_prompt not in gc.callbacks
    finally:
        gc.unfreeze()


@pytest.mark.parametrize(
    ("thread", "error", "status"),
    [
        ("prompt_worker", "KeyError('inputs')", WORKER_ENDED),
        ("prompt_worker", "SystemExit(0)", WORKER_ENDED),
        ("download", "KeyError('inputs')", 0),
    ],
)
def test_comfyui_ends_with_its_worker_and_with_no_other_thread(
    tmp_path: Path, thread: str, error: str, status: int
) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        f"import threading\ndef {thread}(): raise {error}\n"
        f"thread = threading.Thread(target={thread})\nthread.start()\nthread.join()\nprint('the server answers')\n"
    )
    code = "from runtime_image.launcher import comfyui; comfyui.FAREWELL_SECONDS = 0; comfyui.main('main.py')"
    command, variables = [sys.executable, "-c", code], {"PYTHONPATH": str(PROJECT)}
    result = subprocess.run(command, env=variables, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == status
    assert ("the server answers" in result.stdout) == (status == 0)
    assert (f"({thread})" in result.stderr) == error.startswith("KeyError")
    assert ExitCode(WORKER_ENDED) is ExitCode.INTERNAL_ERROR


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    folder = tmp_path / "shelf"
    folder.mkdir()
    return Shelf(folder)


def install(tmp_path: Path, shelf: Shelf, *nodes: str, **pins: str) -> tuple[Path, str]:
    """Run install_comfyui.sh with the real uv. Return ComfyUI's folder, and the message of a failure."""
    uv = Path(sys.executable).with_name("uv")
    commit, _ = repository(tmp_path / "COMFYUI", **{"requirements.txt": "torch\ncomfyui-workflow-templates==0.11.44\n"})
    link = shelf.add("torch", "2.10.0")
    lock, file, comfyui = tmp_path / "comfyui.lock", tmp_path / "versions.env", tmp_path / "comfyui"
    lock.write_text(f"torch==2.10.0 \\\n    --hash=sha256:{hash_of(link)}\n")
    values = {
        "COMFYUI_REPO": f"file://{tmp_path / 'COMFYUI'}",
        "COMFYUI_COMMIT": commit,
        "AGENT_PYTHON_VERSION": sys.executable,
        "COMFYUI_PACKAGES_UNTIL": versions()["COMFYUI_PACKAGES_UNTIL"],
        **pins,
    }
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    variables = {
        "PATH": f"{uv.parent}:{os.defpath}",
        "UV_OFFLINE": "1",
        "UV_NO_CACHE": "1",
        "UV_NO_CONFIG": "1",
        "UV_FIND_LINKS": str(shelf.folder),
        "TMPDIR": str(tmp_path),
    }
    script: list[str | Path] = [SCRIPTS / "install_comfyui.sh", file, lock, comfyui, tmp_path / "environment", *nodes]
    result = subprocess.run(script, env=variables, capture_output=True, text=True, check=False)
    return comfyui, result.stderr if result.returncode else ""


def test_custom_nodes_are_there_at_their_commits(tmp_path: Path, shelf: Shelf) -> None:
    commit, newer = repository(tmp_path / "Upscale-Nodes")
    node = f"file://{tmp_path / 'Upscale-Nodes'}"

    comfyui, message = install(tmp_path, shelf, f"{node}@{commit}")

    assert not message
    assert (comfyui / "custom_nodes/Upscale-Nodes/launch.py").read_text() == "Upscale-Nodes pinned"
    assert not list(comfyui.rglob(".git"))
    assert newer != commit


def test_two_custom_nodes_of_one_name_end_the_build(tmp_path: Path, shelf: Shelf) -> None:
    commit, _ = repository(tmp_path / "nodes")
    node = f"file://{tmp_path / 'nodes'}@{commit}"
    _, message = install(tmp_path, shelf, node, node)
    assert "two custom nodes have the name nodes" in message


def test_a_lock_file_that_lacks_what_comfyui_asks_for_ends_the_build(tmp_path: Path, shelf: Shelf) -> None:
    repository(tmp_path / "other")
    commit, _ = repository(tmp_path / "newer", **{"requirements.txt": "torch>=2.11\n"})
    pins = {"COMFYUI_REPO": f"file://{tmp_path / 'newer'}", "COMFYUI_COMMIT": commit}
    _, message = install(tmp_path, shelf, **pins)
    assert "torch" in message


#: Program in the place of ComfyUI's: the embedded one, by the flags of the real one.
MAIN = """
import sys
from embedded_comfyui.__main__ import main
given = dict(word.partition("=")[::2] for word in sys.argv[1:])
assert "--cpu" in given
# The list of the image serves runtimes with `apiNodes: true`, too.
assert "--disable-api-nodes" not in given
folders = ["--models", given["--models-directory"], "--base-directory", given["--temp-directory"]]
main(["--port", given["--port"], *folders])
"""


@pytest.mark.slow
def test_the_build_asks_comfyui_for_its_nodes(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    script = [sys.executable, str(SCRIPTS / "write_node_list.py"), str(tmp_path), str(tmp_path / "nodes.json")]
    # As in the background of a shell.
    ignoring_interrupts = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *script]
    subprocess.run(ignoring_interrupts, env={**os.environ, "PYTHONPATH": str(PROJECT)}, check=True)

    found = NodeList.read(tmp_path / "nodes.json")
    assert found.comfyui_version == versions()["COMFYUI_VERSION"]
    sampler = found.nodes["KSampler"]
    assert sampler.required is not None
    assert "latent_image" in sampler.required
    assert found.nodes["CheckpointLoaderSimple"].models == {"ckpt_name": ("checkpoints",)}
    assert found.nodes["LoadImage"].files == {"image": "image"}
    assert found.nodes["SaveImage"].output_node
    core = core_nodes()
    assert {name: node.models for name, node in found.nodes.items()} == {
        name: core.nodes[name].models for name in found.nodes
    }


@pytest.mark.slow
def test_a_comfyui_that_does_not_start_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("raise SystemExit(3)\n")
    script = [sys.executable, str(SCRIPTS / "write_node_list.py"), str(tmp_path), str(tmp_path / "nodes.json")]
    variables = {**os.environ, "PYTHONPATH": str(PROJECT)}
    result = subprocess.run(script, env=variables, capture_output=True, text=True, check=False)
    assert "its exit code is 3" in result.stderr
    assert not (tmp_path / "nodes.json").exists()
