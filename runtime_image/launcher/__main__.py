"""Start of the Web UI: makes unpickling safe, writes the fixed options, then runs the Web UI's own start script.

usage: python -m runtime_image.launcher SCRIPT [ARGUMENT …], in the Web UI's folder and its Python
"""

import argparse
import importlib
import json
import os
import runpy
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from runtime_image.launcher.safe_unpickling import make_pickle_safe, refuse_torchscript

#: Options that no task may change. The Web UI fetches no links, because the agent has fetched all that are allowed.
FIXED_OPTIONS: Final[Mapping[str, object]] = {"api_enable_requests": False}


def settings_file(arguments: Sequence[str]) -> Path:
    """Return the file of the Web UI's options, by the Web UI's own rule."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data-dir", type=Path, default=Path())
    parser.add_argument("--ui-settings-file", type=Path)
    found, _ = parser.parse_known_args(arguments)
    return Path(found.ui_settings_file or found.data_dir / "config.json")


def write_fixed_options(file: Path) -> None:
    """Put the fixed options into the file, and keep the others. A file that is not JSON is replaced."""
    try:
        options = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        options = {}
    file.write_text(json.dumps({**(options if isinstance(options, dict) else {}), **FIXED_OPTIONS}), encoding="utf-8")


def main(script: str, *arguments: str) -> None:
    """Run the Web UI in this process."""
    make_pickle_safe()
    refuse_torchscript(importlib.import_module("torch"))
    write_fixed_options(settings_file([*arguments, *shlex.split(os.environ.get("COMMANDLINE_ARGS", ""))]))
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
