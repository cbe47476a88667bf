"""Styles of the model bucket: `styles/styles.csv`, merged into prompts as the Web UI merges its own styles.

The Web UI reads its own file once, at its start. This file counts for the next task that names a style.
"""

import csv
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from contract.errors import DarkroomError

#: Folder and name of the file, in the model bucket and below the models folder.
STYLES_FOLDER: Final = "styles"
STYLES_FILE: Final = "styles.csv"
#: Mark in a style where the prompt goes. Without it the style follows the prompt.
_MARK: Final = "{prompt}"


class BrokenStyles(DarkroomError):
    """Raised when the file cannot be read, so that a task would be made without its styles."""

    code = "unknown_style"


class Style(NamedTuple):
    """One row of the file."""

    prompt: str
    negative_prompt: str


def read_styles(models_folder: Path) -> dict[str, Style]:
    """Return the styles in the models folder by their names; raises BrokenStyles."""
    try:
        with (models_folder / STYLES_FOLDER / STYLES_FILE).open(encoding="utf-8-sig", newline="") as file:
            return dict(_rows(csv.DictReader(file, skipinitialspace=True)))
    except OSError:
        return {}
    except (csv.Error, UnicodeError) as error:
        message = f"{STYLES_FOLDER}/{STYLES_FILE} of the model bucket is no CSV file in UTF-8: {error}"
        raise BrokenStyles(message) from error


def with_styles(
    body: Mapping[str, Any], styles: Mapping[str, Style], *, known_to_webui: Collection[str] = ()
) -> dict[str, Any]:
    """Return a request with its styles merged into its prompts.

    Args:
        body: The request. It keeps the names of its styles, because the Web UI repeats them in its answer.
        styles: The styles of the model bucket.
        known_to_webui: Names that the Web UI itself merges.
    """
    merged = dict(body)
    for name in body["styles"] if isinstance(body.get("styles"), list) else ():
        if isinstance(name, str) and name in styles and name not in known_to_webui:
            for field, text in _prompts(styles[name], merged):
                merged[field] = _merge(text, str(merged.get(field) or ""))
    return merged


def _rows(rows: "csv.DictReader[str]") -> Iterator[tuple[str, Style]]:
    for row in rows:
        if name := row.get("name"):
            # Files of old versions have one column, `text`.
            yield name, Style(row.get("prompt") or row.get("text") or "", row.get("negative_prompt") or "")


def _prompts(style: Style, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "prompt", style.prompt
    yield "negative_prompt", style.negative_prompt
    # An empty prompt of the second pass means the first pass's prompt.
    yield from ((f"hr_{name}", text) for name, text in style._asdict().items() if body.get(f"hr_{name}"))


def _merge(style: str, prompt: str) -> str:
    if _MARK in style:
        return style.replace(_MARK, prompt)
    return ", ".join(part for part in (prompt.strip(), style.strip()) if part)
