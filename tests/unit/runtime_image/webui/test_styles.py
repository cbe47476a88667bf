"""Styles of the model bucket in prompts."""

from pathlib import Path
from typing import Any

import pytest

from runtime_image.webui.names.styles import BrokenStyles, Style, read_styles, with_styles

STYLES = {"noir": Style("{prompt}, film noir", "colour"), "pop": Style("bright", ""), "own": Style("other", "other")}


def write(models_folder: Path, content: bytes) -> None:
    (models_folder / "styles").mkdir()
    (models_folder / "styles" / "styles.csv").write_bytes(content)


@pytest.mark.parametrize(
    ("content", "styles"),
    [
        (
            b'name,prompt,negative_prompt\nnoir,"{prompt}, dark",colour\n,x,y\n',
            {"noir": Style("{prompt}, dark", "colour")},
        ),
        ("\ufeffname, text\nä, a b\n".encode(), {"ä": Style("a b", "")}),
        (b"name\nempty\n", {"empty": Style("", "")}),
        (b"", {}),
    ],
)
def test_files_that_the_web_ui_reads_are_read(content: bytes, styles: dict[str, Style], tmp_path: Path) -> None:
    write(tmp_path, content)
    assert read_styles(tmp_path) == styles


def test_without_the_file_there_are_no_styles(tmp_path: Path) -> None:
    assert read_styles(tmp_path) == {}


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    write(tmp_path, b"name,prompt\n\xff,x\n")
    with pytest.raises(BrokenStyles, match=r"styles/styles\.csv of the model bucket is no CSV file in UTF-8"):
        read_styles(tmp_path)


@pytest.mark.parametrize(
    ("body", "merged"),
    [
        ({"styles": ["noir"], "prompt": "a cat"}, {"prompt": "a cat, film noir", "negative_prompt": "colour"}),
        ({"styles": ["pop", "noir"]}, {"prompt": "bright, film noir", "negative_prompt": "colour"}),
        (
            {"styles": ["noir"], "prompt": "a", "negative_prompt": "b", "hr_prompt": "c", "hr_negative_prompt": "d"},
            {
                "prompt": "a, film noir",
                "negative_prompt": "b, colour",
                "hr_prompt": "c, film noir",
                "hr_negative_prompt": "d, colour",
            },
        ),
        ({"styles": ["own", "unknown", 3], "prompt": "a"}, {"prompt": "a"}),
        ({"styles": "noir"}, {}),
        ({"styles": None}, {}),
    ],
)
def test_styles_are_merged_as_the_web_ui_merges_its_own(body: dict[str, Any], merged: dict[str, str]) -> None:
    assert with_styles(body, STYLES, known_to_webui={"own"}) == body | merged
