"""Synthesized templates of an environment, from which `darkroom cost` reads what would exist."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.errors import Refused

PROJECT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class TemplateResource:
    """Resource of a template, with its CloudFormation type."""

    type: str
    properties: dict[str, Any]


def synthesize(environment: str) -> list[TemplateResource]:
    """Return the resources of all stacks of an environment, a name or a file."""
    program = PROJECT / "app.py"
    if not program.exists():
        raise Refused(
            f"the templates come from a checkout of Darkroom, and {PROJECT} has no app.py; clone it, and run there"
        )
    if environment.endswith((".yaml", ".yml")):
        environment = str(Path(environment).resolve())
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(program), "-c", f"environment={environment}", "--no-bundle", "-o", folder]
        ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        if ended.returncode:
            *_, reason = ended.stderr.strip().splitlines() or ["no reason was printed"]
            raise Refused(f"the templates cannot be made: {reason}; `make setup-deploy` installs what the CDK needs")
        return list(read_templates(Path(folder)))


def read_templates(folder: Path) -> Iterator[TemplateResource]:
    """Yield the resources of all templates in a folder."""
    for file in sorted(folder.glob("*.template.json")):
        for body in json.loads(file.read_text(encoding="utf-8"))["Resources"].values():
            yield TemplateResource(body["Type"], body.get("Properties", {}))
