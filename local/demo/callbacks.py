"""File of callbacks that the local receiver writes."""

import json
from pathlib import Path
from typing import Any


class CallbackFile:
    """Reads the file to which the local system's callback receiver appends one JSON object a line."""

    def __init__(self, *, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.received: list[dict[str, Any]] = []

    def read_new(self) -> list[dict[str, Any]]:
        """Return the callbacks that have come since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            lines = file.read()
        whole, _, _ = lines.rpartition(b"\n")
        self._offset += len(whole) + 1 if whole else 0
        new = [json.loads(line) for line in whole.splitlines() if line.strip()]
        self.received += new
        return new
