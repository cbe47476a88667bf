"""Small files of JSON in which the processes of the container say how they are doing, replaced once a second."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Report = TypeVar("Report", bound=BaseModel)


def read_report(path: Path | None, report: type[Report]) -> Report | None:
    """Return what a file says, None if there is no file or it cannot be read as such a report."""
    if path is None:
        return None
    try:
        return report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
