"""Writer of new environment files: complete and checked, or not at all."""

import os
from pathlib import Path

from cli.errors import Refused
from stacks.environment_file import read_environment_file


def refuse_existing(path: Path, *, replaces: bool) -> None:
    """Raise Refused if the file exists and must not be replaced, or if its folder is missing."""
    if not path.parent.is_dir():
        raise Refused(f"there is no folder {path.parent}; write --file with a path to a folder that exists")
    if path.exists() and not replaces:
        raise Refused(f"{path} exists already; write another name, or --force to replace it")


def write_environment(path: Path, text: str, *, replaces: bool) -> None:
    """Write a file that the loader of synthesis accepts; raises Refused if it exists and must not be replaced."""
    draft = path.with_name(f".{path.stem}-{os.getpid()}.yaml")
    try:
        draft.write_text(text, encoding="utf-8")
        read_environment_file(draft)
        refuse_existing(path, replaces=replaces)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
