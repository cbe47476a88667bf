"""Files of another container, whose programs may replace them at any moment by links or pipes."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

#: Flags by which a folder is passed through without the right to list it, which only Linux offers.
_FOLDER: Final = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", 0)
#: A pipe without a writer would otherwise block the thread for ever.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file by an absolute path without symbolic links; raises OSError if there is another thing now."""
    folder = os.open(path.anchor, _FOLDER)
    try:
        for name in path.parts[1:-1]:
            inner = os.open(name, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        file = os.open(path.name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(file, "rb")
