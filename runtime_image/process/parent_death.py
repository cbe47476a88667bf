"""Death of a parent process: Linux ends its children with it, or gives them to an ancestor that adopts orphans."""

import ctypes
import signal
import sys
from collections.abc import Callable
from typing import Final

#: prctl option by which Linux ends a child whose parent died (linux/prctl.h).
_PR_SET_PDEATHSIG: Final = 1
#: prctl option by which orphans below a process become its children (linux/prctl.h).
_PR_SET_CHILD_SUBREAPER: Final = 36
#: Found at import, because few calls are safe between fork and exec in a process with threads.
_PRCTL: Final = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def _request_kill_with_parent() -> None:
    if _PRCTL:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)


#: For `preexec_fn`: the kernel kills a child whose parent was killed and cannot end it. None on other systems. Linux
#: ends the child with the thread that started it, so that thread must live as long as the process.
end_with_parent: Final[Callable[[], None] | None] = _request_kill_with_parent if _PRCTL else None


def adopt_orphans() -> None:
    """Make every orphan below this process its child, so that it can find and end them; on Linux only."""
    if _PRCTL:
        _PRCTL(_PR_SET_CHILD_SUBREAPER, 1)
