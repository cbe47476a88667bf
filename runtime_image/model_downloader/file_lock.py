"""The lock of a file that is being written: one at a time has it, whatever processes and threads want it."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

#: Seconds between two looks whether another has ended its work on the same file.
POLL_SECONDS: Final = 0.1


def lock(path: Path, *, is_wanted: Callable[[], bool]) -> int | None:
    """Return a descriptor that holds the lock until it is closed, None if the file is not wanted any more by then.

    The file is made if there is none. Whoever has the lock may remove or rename it: those that wait make a new one.
    """
    while is_wanted():
        descriptor = try_lock(path)
        if descriptor is not None:
            return descriptor
        time.sleep(POLL_SECONDS)
    return None


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock, or None if somebody else has it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        # Whoever had it has removed or renamed it.
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
