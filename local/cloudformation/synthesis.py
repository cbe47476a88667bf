"""Stacks of an environment, synthesized as for AWS and read from the cloud assembly."""

import asyncio
import fcntl
import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.context import LocalContext
from local.processes.process_group import ProcessFailed
from stacks.config import Environment

#: Sources of the templates, in addition to the environment. The functions' code runs from the source tree.
_SOURCES: Final = ("app.py", "cdk.json", "requirements.txt", "stacks/**/*.py", "stacks/**/*.yaml", "contract/**/*.py")
#: Variable of the functions that post to hosts of users.
_LINK_HOSTS: Final = "ALLOWED_LINK_HOSTS"
#: Assemblies that stay in the cache.
_MAX_ASSEMBLIES: Final = 4


@dataclass(frozen=True)
class SynthesizedStack:
    """A stack of the cloud assembly."""

    name: str
    template: dict[str, Any]


async def synthesize(context: LocalContext) -> list[SynthesizedStack]:
    """Return the stacks of the environment. A cache keeps them, because a run of the CDK takes seconds.

    Several local systems may share the cache: one synthesizes, and the others wait for its lock.
    """
    options = context.options
    cache = options.assembly_cache or context.state.assembly
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / _fingerprint(options.environment, context.project)
    with (cache / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if not folder.exists():
            _remove_oldest(cache)
            unfinished = cache / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            command = [sys.executable, "app.py", "--context", f"environment={options.environment_file}"]
            command += ["--no-bundle", "--without-engine", "--output", str(unfinished)]
            process = await context.start_process(command, name="synthesis", log_name="synthesis")
            if status := await process.wait():
                raise ProcessFailed(f"the templates cannot be synthesized (exit status {status}){process.log_tail()}")
            unfinished.rename(folder)
        stacks = read_assembly(folder)
    for stack in stacks:
        set_allowed_link_hosts(stack.template, options.environment.allowed_link_hosts)
    return stacks


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


def set_allowed_link_hosts(template: Mapping[str, Any], hosts: Iterable[str]) -> None:
    """Give the functions the hosts of this environment, because a cached template has those of another system."""
    for resource in template.get("Resources", {}).values():
        variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        if resource["Type"] == "AWS::Lambda::Function" and _LINK_HOSTS in variables:
            variables[_LINK_HOSTS] = json.dumps(list(hosts))


def _remove_oldest(cache: Path) -> None:
    assemblies = sorted((path for path in cache.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for assembly in assemblies[: -_MAX_ASSEMBLIES + 1]:
        shutil.rmtree(assembly)


def _fingerprint(environment: Environment, project: Path) -> str:
    # The allowed link hosts are set afterwards, because their port differs in every run of the demo.
    digest = hashlib.sha256(environment.model_dump_json(exclude={"allowed_link_hosts"}).encode())
    for file in sorted(path for pattern in _SOURCES for path in project.glob(pattern)):
        content = file.read_bytes()
        digest.update(f"\n{file.relative_to(project)} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
