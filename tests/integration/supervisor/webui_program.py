"""The stand-in Web UI as a program, for what it does to whoever has started it: hang, crash, swell.

`python -m tests.integration.supervisor.webui_program PORT FOLDER` notes its process id in FOLDER/starts and every
generation in FOLDER/generations; files in FOLDER say how it behaves.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from tests.integration.agent.stand_in_webui import Reply, StandInWebUi

OUT_OF_MEMORY = {"error": "OutOfMemoryError", "detail": "", "body": "", "errors": "CUDA out of memory"}
#: A coloured line, a progress bar, and a line that nobody wants to read.
OUTPUT = "\x1b[1mLoading\x1b[0m\n 10%|#         |\r 50%|#####     |\r100%|##########|\n" + "x" * 5000 + "\n"
BALLAST_BYTES = 96 * 1024 * 1024


class Program:
    """What the folder says, asked anew each time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = b""

    def is_told(self, word: str) -> bool:
        return (self._folder / word).exists()

    def note(self, file: str, text: object) -> None:
        with (self._folder / file).open("a") as notes:
            notes.write(f"{text}\n")

    def intercept(self, path: str, body: dict[str, Any]) -> Reply | None:
        if not path.endswith("txt2img"):
            return None
        self.note("generations", body.get("prompt"))
        if self.is_told("out-of-memory"):
            # The next process has all the memory again.
            (self._folder / "out-of-memory").unlink()
            return 500, OUT_OF_MEMORY
        if self.is_told("swell"):
            (self._folder / "swell").unlink()
            self._ballast = b"x" * BALLAST_BYTES
        return None


def main(port: int, folder: Path) -> None:
    program = Program(folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    program.note("starts", os.getpid())
    sys.stdout.write(OUTPUT)
    sys.stdout.flush()
    while program.is_told("hang"):
        time.sleep(0.05)
    webui = StandInWebUi(intercept=program.intercept)
    with webui.serve(port):
        while not program.is_told("exit"):
            time.sleep(0.05)
    sys.exit(3)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
