"""Logs of started programs: one JSON object a line, among lines of programs that write something else."""

import json
from pathlib import Path
from typing import Any


def read_json_lines(file: Path) -> list[dict[str, Any]]:
    """Return the complete lines that are JSON objects; none before the file exists."""
    # The last line may be half written, even in the middle of a character.
    lines = file.read_bytes().rpartition(b"\n")[0].splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]


def read_events(file: Path, event: str, **fields: object) -> list[dict[str, Any]]:
    """Return the lines of this event that have these fields."""
    return [line for line in read_json_lines(file) if line["event"] == event and fields.items() <= line.items()]
