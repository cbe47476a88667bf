"""The package of `pip install .`: the command line with all that it imports, and nothing else."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[3]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
#: Distribution of an imported module, where the names differ.
DISTRIBUTIONS = {"botocore": "boto3", "yaml": "pyyaml"}
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


def test_every_import_is_declared_or_part_of_the_package() -> None:
    packages = {pattern.rstrip("*") for pattern in PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert packages == {"cli", "contract", "stacks", "stacks.config"}
    needed = {DISTRIBUTIONS.get(name, name) for name in imported_by(sources())} - packages
    assert needed == names_of(PYPROJECT["project"]["dependencies"])


def test_the_group_with_exact_versions_has_the_same_packages() -> None:
    assert names_of(PYPROJECT["dependency-groups"]["cli"]) == names_of(PYPROJECT["project"]["dependencies"])
