"""The stacks of an environment, synthesized as they would be for AWS and read back from the cloud assembly."""

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.processes.process_group import ProcessFailed, ProcessGroup
from stacks.config import Environment

#: What a template is made of, beside the environment. The functions' own code is not in it: it is run from the
#: source tree.
_SOURCES: Final = ("app.py", "cdk.json", "requirements.txt", "stacks/**/*.py", "contract/**/*.py")


@dataclass(frozen=True)
class SynthesizedStack:
    """A stack of the cloud assembly."""

    name: str
    template: dict[str, Any]


async def synthesize(
    environment: Environment,
    environment_file: Path,
    *,
    project: Path,
    cache: Path,
    log_file: Path,
    processes: ProcessGroup,
) -> list[SynthesizedStack]:
    """Return the stacks of the environment in a file; `cache` keeps them, for a run of the CDK takes seconds."""
    folder = cache / _fingerprint(environment, project)
    if not folder.exists():
        shutil.rmtree(cache, ignore_errors=True)
        unfinished = cache / "unfinished"
        context = f"environment={environment_file}"
        command = [
            sys.executable,
            "app.py",
            "--context",
            context,
            "--no-bundle",
            "--without-engine",
            "--output",
            str(unfinished),
        ]
        child = await processes.start(command, name="synthesis", log_file=log_file, folder=project)
        if status := await child.wait():
            raise ProcessFailed(f"the templates cannot be synthesized (exit status {status}){child.log_tail()}")
        unfinished.rename(folder)
    return read_assembly(folder)


def read_assembly(folder: Path) -> list[SynthesizedStack]:
    """Return the stacks of a cloud assembly, dependencies first."""
    artifacts: Mapping[str, Any] = json.loads((folder / "manifest.json").read_text())["artifacts"]
    stacks = {key: value for key, value in artifacts.items() if value["type"] == "aws:cloudformation:stack"}
    ordered: dict[str, SynthesizedStack] = {}

    def add(artifact_id: str) -> None:
        if artifact_id in ordered or artifact_id not in stacks:
            return
        artifact = stacks[artifact_id]
        for dependency in artifact.get("dependencies", []):
            add(dependency)
        template = json.loads((folder / artifact["properties"]["templateFile"]).read_text())
        ordered[artifact_id] = SynthesizedStack(artifact["properties"].get("stackName", artifact_id), template)

    for artifact_id in stacks:
        add(artifact_id)
    return list(ordered.values())


def _fingerprint(environment: Environment, project: Path) -> str:
    # Which hosts links may reach is read by agents alone, and theirs do not get it from a template. It names a port
    # that is another in every run of the demo.
    digest = hashlib.sha256(environment.model_dump_json(exclude={"allowed_link_hosts"}).encode())
    for file in sorted(path for pattern in _SOURCES for path in project.glob(pattern)):
        content = file.read_bytes()
        digest.update(f"\n{file.relative_to(project)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
