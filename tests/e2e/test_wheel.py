"""The wheel in a fresh environment: its one top package, the client without dependencies, and the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.local_system import PROJECT, System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system"), pytest.mark.timeout(600)]

#: Uses the client; its output is one JSON object.
PROGRAM = """
import importlib.util, json, sys
from importlib.metadata import files
import darkroom
client = darkroom.Client.local(sys.argv[1])
task = client.wait(client.submit("A dog", width=64, height=64, steps=1), timeout_seconds=300)
print(json.dumps({
    "folders": sorted({path.parts[0] for path in files("darkroom") if path.parts[0] != ".."}),
    "is_typed": any(path.name == "py.typed" for path in files("darkroom")),
    "found": [name for name in ("cli", "contract", "stacks", "local") if importlib.util.find_spec(name)],
    "status": task.status,
    "pictures": [picture.name for picture in client.pictures(task)],
}))
"""


def run(*command: object, code: int = 0, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    result = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    return result


def uv(*arguments: object) -> None:
    run(sys.executable, "-m", "uv", *arguments)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--quiet", "--wheel", "--out-dir", folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_client_and_the_command_line_of_the_wheel(wheel: Path, system: System, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    programs = environment / "bin"
    uv("venv", "--quiet", "--python", sys.executable, environment)
    uv("pip", "install", "--quiet", "--python", programs / "python", wheel)
    result = json.loads(run(programs / "python", "-c", PROGRAM, system.state_directory, cwd=tmp_path).stdout)
    information = [name for name in result["folders"] if name.endswith(".dist-info")]
    assert result["folders"] == ["darkroom", *information]
    assert (result["is_typed"], result["found"]) == (True, [])
    assert (result["status"], len(result["pictures"])) == ("COMPLETED", 1)
    # The types of the wheel reach the programs of its users.
    check = (
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--python-executable",
        programs / "python",
        "--cache-dir",
        tmp_path,
    )
    run(*check, "-c", "import darkroom; darkroom.Client().submit('A dog', width=64)", cwd=tmp_path)
    wrong = run(*check, "-c", "import darkroom; darkroom.Client().submit('A dog', hight=64)", code=1, cwd=tmp_path)
    assert 'Unexpected keyword argument "hight"' in wrong.stdout
    missing = run(programs / "darkroom", "list", code=1, cwd=tmp_path)
    assert "install the command line with: pip install 'darkroom[cli]'" in missing.stderr
    # The exact versions are in the cache of uv since `make setup`.
    locked = tmp_path / "locked.txt"
    uv("export", "--quiet", "--frozen", "--no-hashes", "--no-emit-project", "--only-group", "cli", "-o", locked)
    uv("pip", "install", "--quiet", "--python", programs / "python", "--constraint", locked, f"{wheel}[cli]")
    listed = run(programs / "darkroom", "--state-dir", system.state_directory, "list", "--json", cwd=tmp_path)
    assert "COMPLETED" in {task["status"] for task in json.loads(listed.stdout)["tasks"]}
    costs = run(programs / "darkroom", "cost", "--environment", PROJECT / "environments" / "dev.yaml", "--help")
    assert "environment" in costs.stdout
