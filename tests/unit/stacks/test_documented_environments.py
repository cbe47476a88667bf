"""The environment files in the documents are environment files."""

import re
from pathlib import Path

import pytest

from stacks.environment_file import read_environment_file

PROJECT = Path(__file__).parents[3]
PAGES = [PROJECT / "docs" / name for name in ("how-to/deployment.md", "reference/configuration.md")]
EXAMPLES = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, text in enumerate(re.findall(r"^```yaml\n(name: .*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL))
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_documented_environment_can_be_read(text: str, tmp_path: Path) -> None:
    file = tmp_path / "documented.yaml"
    file.write_text(text)
    assert read_environment_file(file).runtimes


def test_there_are_examples() -> None:
    assert {example.id for example in EXAMPLES} >= {"deployment-0", "configuration-0"}
