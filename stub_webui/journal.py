"""Journal file of the stub's generations. The file survives a crash of the process that writes it."""

import json
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class GenerationStep(StrEnum):
    """The steps of a generation, in this order."""

    ARRIVED = "arrived"
    ACQUIRED = "acquired"
    RELEASED = "released"
    ANSWERED = "answered"


@dataclass
class JournaledGeneration:
    """One generation request at the stub, in monotonic seconds. None means that the step was not reached."""

    prompt: str
    arrived: float
    acquired: float | None = None
    released: float | None = None
    answered: float | None = None


class GenerationJournal:
    """Appends one JSON line for each step. The line is in the file when `record` returns."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)
        self._lock = threading.Lock()

    def record(self, step: GenerationStep, *, generation: str, prompt: str = "") -> None:
        """Record that a generation reaches a step now."""
        line = json.dumps({"at": time.monotonic(), "step": step, "generation": generation, "prompt": prompt})
        with self._lock:
            self._file.write(line + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def count_steps(file: Path, step: GenerationStep) -> int:
    """Return how many generations reached a step. It is quick, because benchmarks poll it while they measure."""
    return file.read_text().count(f'"step": "{step}"')


def read_journal(file: Path) -> list[JournaledGeneration]:
    """Return all generations in the order of their arrival."""
    generations: dict[str, JournaledGeneration] = {}
    for line in file.read_text().splitlines():
        entry = json.loads(line)
        if entry["step"] == GenerationStep.ARRIVED:
            generations[entry["generation"]] = JournaledGeneration(entry["prompt"], entry["at"])
        else:
            setattr(generations[entry["generation"]], entry["step"], entry["at"])
    return list(generations.values())
