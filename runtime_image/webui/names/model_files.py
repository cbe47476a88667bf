"""Files of the models that requests name: a broken one is found before the Web UI reads it.

A load that fails leaves the Web UI's present model changed, and a LoRA that does not load is left out in silence.
"""

import stat
from functools import lru_cache
from pathlib import Path
from typing import Final

from contract.safetensors_header import BrokenModel, read_header

_SUFFIX: Final = ".safetensors"
#: Verdicts that are kept, more than the models of a large runtime.
_MAX_VERDICTS: Final = 1000


def file_problem(path: str) -> str | None:
    """Return what is wrong with a model's file.

    None means that it is complete, or that its header cannot be judged: another format, or a file of another machine.
    """
    if not path.endswith(_SUFFIX):
        return None
    try:
        status = Path(path).stat()
        return _problem_of(path, status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
    except OSError:
        return None


@lru_cache(_MAX_VERDICTS)
def _problem_of(path: str, size: int, _modified_ns: int) -> str | None:
    try:
        with Path(path).open("rb") as file:
            read_header(file, size)
    except BrokenModel as error:
        return str(error)
    return None
