"""Start of the Web UI in a process whose unpickling is safe, whose options are fixed, and whose outputs are removed.

usage: python -m runtime_image.launcher SCRIPT [ARGUMENT …], in the Web UI's folder and its Python
"""

import argparse
import importlib
import json
import runpy
import shutil
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from runtime_image.launcher.safe_unpickling import make_pickle_safe, refuse_torchscript

#: Options that no task may change. The Web UI fetches no links, because the agent has fetched all that are allowed.
FIXED_OPTIONS: Final[Mapping[str, object]] = {"api_enable_requests": False}
#: Seconds for which a file may lie in the folder of outputs. The agent switches saving off, so none should be there.
OUTPUT_SECONDS: Final = 5.0


def data_folder(arguments: Sequence[str]) -> Path:
    """Return the folder of the Web UI's options and outputs, by the Web UI's own rule."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data-dir", type=Path, default=Path())
    found, _ = parser.parse_known_args(arguments)
    return Path(found.data_dir)


def write_fixed_options(file: Path) -> None:
    """Put the fixed options into the file, and keep the others. A file that is not JSON is replaced."""
    try:
        options = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        options = {}
    file.write_text(json.dumps({**(options if isinstance(options, dict) else {}), **FIXED_OPTIONS}), encoding="utf-8")


def remove_old_outputs(folder: Path, *, before: float) -> None:
    """Remove the files in `folder` that are older than a time in epoch seconds. Tasks get their outputs as answers."""
    for file in folder.rglob("*"):
        with suppress(OSError):
            if file.is_symlink() or (file.is_file() and file.lstat().st_mtime < before):
                file.unlink()


def _keep_removing_old_outputs(folder: Path) -> None:
    while True:
        remove_old_outputs(folder, before=time.time() - OUTPUT_SECONDS)
        time.sleep(OUTPUT_SECONDS)


def main(script: str, *arguments: str) -> None:
    """Run the Web UI in this process."""
    make_pickle_safe()
    refuse_torchscript(importlib.import_module("torch"))
    data = data_folder(arguments)
    # The Web UI runs what lies there, and the image brings its extensions elsewhere.
    shutil.rmtree(data / "extensions", ignore_errors=True)
    write_fixed_options(data / "config.json")
    threading.Thread(target=_keep_removing_old_outputs, args=(data / "outputs",), daemon=True).start()
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
