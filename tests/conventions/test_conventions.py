"""Conventions of the project that no linter knows: size and names of modules, pinned dependencies, groups of tests."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.conventions.language import PROJECT, tracked_files

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
#: Names that say nothing of a module's job.
BAGS = {"util", "utils", "helper", "helpers", "common", "misc", "constants"}
MAX_MODULE_LINES = 300
MAX_TEST_LINES = 400


def modules() -> list[Path]:
    return [PROJECT / file for file in tracked_files([]) if file.endswith(".py")]


def test_no_module_outgrows_its_job() -> None:
    too_long = {
        str(path.relative_to(PROJECT)): lines
        for path in modules()
        if (lines := len(path.read_text().splitlines()))
        > (MAX_TEST_LINES if "tests" in path.relative_to(PROJECT).parts else MAX_MODULE_LINES)
    }
    assert not too_long


def test_no_module_is_a_bag() -> None:
    assert not [path for path in modules() if path.stem in BAGS]


def test_every_module_says_its_place() -> None:
    silent = [
        str(path.relative_to(PROJECT))
        for path in modules()
        if "tests" not in path.relative_to(PROJECT).parts and not path.read_text().startswith('"""')
    ]
    assert not silent


def test_direct_dependencies_are_pinned() -> None:
    pins: dict[str, set[str]] = {}
    for group in PYPROJECT["dependency-groups"].values():
        for line in (line for line in group if isinstance(line, str)):
            name, pinned, version = line.partition("==")
            assert pinned, line
            pins.setdefault(name.partition("[")[0], set()).add(version)
    assert not {name: versions for name, versions in pins.items() if len(versions) > 1}


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("requirements.txt", "--only-group deploy --only-group cli"),
        ("lambdas/requirements.txt", "--only-group lambdas --prune boto3 --prune botocore"),
        (
            "lambdas/mcp_api/requirements.txt",
            "--only-group lambdas --only-group mcp --prune boto3 --prune botocore",
        ),
        ("runtime_image/requirements.lock", "--only-group runtime"),
    ],
)
def test_requirements_files_are_those_of_the_lock_file(file: str, options: str) -> None:
    command = [sys.executable, "-m", "uv", "export", "--quiet", "--frozen", "--offline", "--no-emit-project"]
    command += ["--no-annotate", "--no-header", *options.split()]
    exported = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    assert (PROJECT / file).read_text() == exported, "run `make lock`"
    assert f"{options} > {file}" in (PROJECT / "Makefile").read_text()


def test_the_lock_file_has_the_pins_of_the_dependency_groups() -> None:
    lock = tomllib.loads((PROJECT / "uv.lock").read_text())
    (project,) = [package for package in lock["package"] if package["name"] == PYPROJECT["project"]["name"]]
    locked = project["metadata"]["requires-dev"]
    for name, group in PYPROJECT["dependency-groups"].items():
        pins = {re.sub(r"\[.*\]", "", line) for line in group if isinstance(line, str)}
        assert pins <= {entry["name"] + entry["specifier"] for entry in locked[name]}, "run `make lock`"


def test_a_deployment_does_not_need_torch() -> None:
    assert not re.search(r"^(torch|nvidia|diffusers|moto)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)


def test_paths_in_documents_exist() -> None:
    folders = "|".join(sorted({file.split("/")[0] for file in tracked_files([]) if "/" in file and file[0] != "."}))
    path = re.compile(rf"(?<![\w/.{{-])(?:{folders})/[\w./-]*\.\w+")
    documents = [file for file in tracked_files([]) if file.endswith(".md")]
    named = {(file, name.rstrip(".")) for file in documents for name in path.findall((PROJECT / file).read_text())}
    assert named
    assert not {
        (file, name)
        for file, name in named
        if not (PROJECT / name).exists() and not (PROJECT / file).parent.joinpath(name).exists()
    }


def test_the_index_of_decisions_lists_each_once() -> None:
    folder = PROJECT / "docs" / "decisions"
    listed = re.findall(r"^\| [\d-]+ \| \[.*?\]\((\S+?)\) \|", (folder / "index.md").read_text(), re.MULTILINE)
    assert listed == sorted(path.name for path in folder.glob("20*.md"))


def test_workflows_pin_every_action_to_a_commit() -> None:
    workflows = [path.read_text() for path in (PROJECT / ".github" / "workflows").glob("*.yml")]
    used = [line for text in workflows for line in text.splitlines() if re.search(r"\buses:", line)]
    assert used
    assert not [line for line in used if not re.search(r"uses: [\w/.-]+@[0-9a-f]{40} # v\d", line)]


def test_mypy_reads_every_module_of_the_cdk_that_the_project_names() -> None:
    overrides = PYPROJECT["tool"]["mypy"]["overrides"]
    (listed,) = [set(override["module"]) for override in overrides if override["follow_imports"] == "normal"]
    text = "".join(path.read_text() for path in modules() if "aws_cdk" in path.read_text())
    folder = Path(str(distribution("aws-cdk-lib").locate_file("aws_cdk")))
    names = {
        name for name in re.findall(r"\b(?:aws|lambda_layer)_\w+", text) if (folder / name / "__init__.py").exists()
    }
    assert "aws_sqs" in names
    assert not {f"aws_cdk.{name}" for name in names} - listed


@pytest.mark.xdist_group("conventions")
def test_tests_of_one_group_run_in_one_process(request: pytest.FixtureRequest) -> None:
    # A release of pytest once ignored the groups silently, and every process started its own local system.
    if hasattr(request.config, "workerinput"):
        assert request.node.nodeid.endswith("@conventions")
