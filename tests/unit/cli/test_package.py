"""The wheel: one top package, the client without dependencies, and the command line with all that it imports."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[3]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
#: Distribution of an imported module, where the names differ.
DISTRIBUTIONS = {"botocore": "boto3", "mcp_types": "mcp", "yaml": "pyyaml"}
#: Modules of `stacks` that the doctor imports. The others need the CDK.
OF_STACKS = ("stacks/config", "stacks/environment_file.py")


def imported_by(paths: Iterator[Path]) -> set[str]:
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


def sources() -> Iterator[Path]:
    for part in ("cli", "contract", *OF_STACKS):
        path = PROJECT / part
        yield from path.rglob("*.py") if path.is_dir() else [path]


def names_of(requirements: list[str]) -> set[str]:
    return {re.split(r"[=<>\[]", requirement)[0] for requirement in requirements}


def folders_of(*parts: str) -> set[str]:
    """Return the packages in these folders, by their dotted names."""
    return {
        str(path.parent.relative_to(PROJECT)).replace("/", ".")
        for part in parts
        for path in (PROJECT / part).rglob("__init__.py")
    }


def test_the_wheel_has_one_top_package_and_all_that_the_command_line_imports() -> None:
    programs = folders_of("cli", "contract", "stacks/config") | {"stacks"}
    assert set(SETUPTOOLS["packages"]) == {"darkroom"} | {f"darkroom._programs.{name}" for name in programs}
    assert {name.removeprefix("darkroom._programs.") for name in SETUPTOOLS["package-dir"]} == {
        "cli",
        "contract",
        "stacks",
    }


def test_the_client_needs_the_standard_library_only() -> None:
    modules = (PROJECT / "darkroom").rglob("*.py")
    assert imported_by(path for path in modules if path.name != "command.py") == {"darkroom", "PIL"}
    assert PYPROJECT["project"]["dependencies"] == []


def test_every_import_of_the_command_line_is_declared() -> None:
    packages = {"cli", "contract", "darkroom", "stacks"}
    needed = {DISTRIBUTIONS.get(name, name) for name in imported_by(sources())} - packages
    extras = PYPROJECT["project"]["optional-dependencies"]
    assert needed == names_of(extras["cli"]) | (names_of(extras["mcp"]) - packages)
    importers = [path.name for path in sources() if imported_by(iter([path])) & {"mcp", "mcp_types"}]
    assert importers == ["mcp_bridge.py"], "every other command starts without it"


def test_the_group_with_exact_versions_has_the_same_packages() -> None:
    group = PYPROJECT["dependency-groups"]["cli"]
    assert names_of(group) == names_of(PYPROJECT["project"]["optional-dependencies"]["cli"])
