"""Stages of the Dockerfile, and the files of the project that the build receives."""

import fnmatch
import json
import re
import shlex
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from dockerfile_parse import DockerfileParser

PROJECT = Path(__file__).parents[4]
DOCKERFILE = PROJECT / "runtime_image" / "Dockerfile"
VERSIONS = PROJECT / "runtime_image" / "versions.env"


@dataclass
class Stage:
    """One FROM and the instructions that follow it."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def values(self, instruction: str) -> list[str]:
        """Return the value of each instruction of this kind."""
        return [value for name, value in self.instructions if name == instruction]

    def command(self, instruction: str) -> list[str]:
        """Return the words of the last ENTRYPOINT or the like in its JSON form."""
        words: list[str] = json.loads(self.values(instruction)[-1])
        return words


def arguments() -> dict[str, str]:
    """Return the defaults of the arguments before the first FROM."""
    before = [item["value"] for item in structure() if item["instruction"] == "ARG" and "=" in item["value"]]
    return dict(value.split("=", 1) for value in before)


def stages(runtime_type: str = "sdwebui") -> dict[str, Stage]:
    """Return the stages of an engine's image by name, other arguments in their FROM replaced by their defaults."""
    values = {**arguments(), "RUNTIME_TYPE": runtime_type}
    found: dict[str, Stage] = {}
    current: Stage | None = None
    for item in structure():
        if item["instruction"] == "FROM":
            base, _, name = item["value"].partition(" AS ")
            current = Stage(name, re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], base))
            found[name] = current
        elif current:
            current.instructions.append((item["instruction"], item["value"]))
    return found


def ancestry(name: str, runtime_type: str = "sdwebui") -> list[Stage]:
    """Return a stage and the stages that it is built on, the nearest first."""
    known = stages(runtime_type)
    chain = [known[name]]
    while chain[-1].base in known:
        chain.append(known[chain[-1].base])
    return chain


def environment(runtime_type: str = "sdwebui") -> dict[str, str]:
    """Return the variables of an engine's finished image."""
    values: dict[str, str] = {}
    for stage in reversed(ancestry("runtime", runtime_type)):
        for value in stage.values("ENV"):
            values |= dict(word.split("=", 1) for word in shlex.split(value))
    return values


def structure() -> list[dict[str, str]]:
    """Return the instructions, comments left out."""
    parser = DockerfileParser(fileobj=BytesIO(DOCKERFILE.read_bytes()))
    return [item for item in parser.structure if item["instruction"] != "COMMENT"]


def versions() -> dict[str, str]:
    """Return the pins."""
    lines = [line for line in VERSIONS.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def is_sent(path: str) -> bool:
    """Return True if .dockerignore lets a path into the build. The last pattern that fits it, or a parent, decides."""
    parts = Path(path).parts
    prefixes = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    sent = True
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        pattern = line.strip()
        if not pattern or pattern.startswith("#"):
            continue
        negated, pattern = pattern.startswith("!"), pattern.removeprefix("!")
        if any(_fits(prefix, pattern) for prefix in prefixes):
            sent = negated
    return sent


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(path.rpartition("/")[2], pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)
