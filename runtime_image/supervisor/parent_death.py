"""Has the kernel end a child when the process that started it is killed and cannot do so itself."""

import ctypes
import signal
import sys
from collections.abc import Callable
from typing import Final

#: prctl option by which Linux ends a child whose parent died (linux/prctl.h).
_PR_SET_PDEATHSIG: Final = 1
#: Looked up here, since little is safe between fork and exec in a process with threads.
_PRCTL: Final = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def _end_with_parent() -> None:
    if _PRCTL:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)


#: For `preexec_fn`; None where there is no such thing. Linux ends the child with the thread that started it, so it must
#: be one that lives as long as the process.
end_with_parent: Final[Callable[[], None] | None] = _end_with_parent if _PRCTL else None
