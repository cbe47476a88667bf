"""Files of another container, whose programs may replace them at any moment by links or pipes."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

#: Flags by which a folder is passed through without the right to list it, which only Linux offers.
_FOLDER: Final = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", 0)
#: A pipe without a writer would otherwise block the thread for ever.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
#: The mode of a new file, less the process's umask.
_MODE: Final = 0o666


@contextmanager
def open_folder(path: Path) -> Iterator[int]:
    """Yield the descriptor of a folder by an absolute path without symbolic links; raises OSError if one is there."""
    folder = os.open(path.anchor, _FOLDER)
    try:
        for name in path.parts[1:]:
            inner = os.open(name, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file by an absolute path without symbolic links; raises OSError if there is another thing now."""
    with open_folder(path.parent) as folder:
        file = os.open(path.name, _READ, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(file, "rb")


def create_regular(path: Path) -> BinaryIO:
    """Create a file by an absolute path without symbolic links; raises OSError if there is anything already."""
    with open_folder(path.parent) as folder:
        return os.fdopen(os.open(path.name, _CREATE, _MODE, dir_fd=folder), "wb")
