"""Paths of a task and of a cancel in docs/architecture.md: every module and function exists, and they stay short."""

import ast
import re

import pytest

from tests.conventions.language import PROJECT

ROW = re.compile(r"^\| `(?P<module>[\w/]+\.py)` \| (?P<functions>`[\w.]+`(?:, `[\w.]+`)*) \|", re.MULTILINE)
DOCUMENT = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
JOURNEY, CANCEL = DOCUMENT.split("A cancel passes these.", maxsplit=1)


def functions_of(module: str) -> set[str]:
    tree = ast.parse((PROJECT / module).read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return names | {
        f"{class_.name}.{node.name}" for class_ in classes for node in class_.body if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize(("text", "most_modules"), [(JOURNEY, 30), (CANCEL, 10)], ids=["journey", "cancel"])
def test_a_path_is_as_long_as_documented(text: str, most_modules: int) -> None:
    modules = [row["module"] for row in ROW.finditer(text)]
    assert 0 < len(modules) <= most_modules
    assert len(modules) == len(set(modules))


@pytest.mark.parametrize("row", [pytest.param(row, id=row["module"]) for row in ROW.finditer(DOCUMENT)])
def test_a_step_names_functions_of_its_module(row: re.Match[str]) -> None:
    named = set(row["functions"].replace("`", "").split(", "))
    assert not named - functions_of(row["module"])
