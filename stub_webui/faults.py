"""Faults on demand: files in a folder make the stub process hang at its start, exit, swell or run out of memory."""

import os
import sys
import time
from pathlib import Path
from typing import Any, Final

from stub_webui.service import Reply, failure

#: Output of a start: a coloured line, a progress bar, and a line that is too long to log.
_OUTPUT: Final = "\x1b[1mLoading\x1b[0m\n 10%|#         |\r 50%|#####     |\r100%|##########|\n" + "x" * 5000 + "\n"
_BALLAST_BYTES: Final = 96 * 1024 * 1024
_POLL_SECONDS: Final = 0.05
_EXIT_STATUS: Final = 3


class FaultFolder:
    """Reads the faults `hang`, `exit`, `swell` and `out-of-memory` from the folder before every action.

    The process appends its id to the file `starts`, and the prompt of every generation to the file `generations`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = b""

    def start(self) -> None:
        """Record the start, print what a Web UI prints, and hang while the fault `hang` exists."""
        self._append("starts", os.getpid())
        sys.stdout.write(_OUTPUT)
        sys.stdout.flush()
        while self._exists("hang"):
            time.sleep(_POLL_SECONDS)

    def exit_on_demand(self) -> None:
        """End the process as soon as the fault `exit` exists."""
        while not self._exists("exit"):
            time.sleep(_POLL_SECONDS)
        os._exit(_EXIT_STATUS)

    def intercept(self, path: str, body: dict[str, Any]) -> Reply | None:
        """Record a generation, and apply the faults of generations once."""
        if not path.endswith("txt2img"):
            return None
        self._append("generations", body.get("prompt"))
        if self._consume("out-of-memory"):
            return failure("OutOfMemoryError", "CUDA out of memory")
        if self._consume("swell"):
            self._ballast = b"x" * _BALLAST_BYTES
        return None

    def _exists(self, fault: str) -> bool:
        return (self._folder / fault).exists()

    def _consume(self, fault: str) -> bool:
        exists = self._exists(fault)
        (self._folder / fault).unlink(missing_ok=True)
        return exists

    def _append(self, file: str, text: object) -> None:
        with (self._folder / file).open("a") as lines:
            lines.write(f"{text}\n")
