import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from local.cloudformation.synthesis import read_assembly, synthesize
from local.command_line import parse_options
from local.console import Console
from local.context import LocalContext
from local.state_directory import StateDirectory
from stacks.config import Environment


def stack(file: str, dependencies: list[str], **properties: str) -> dict[str, Any]:
    properties = {"templateFile": file, **properties}
    return {"type": "aws:cloudformation:stack", "dependencies": dependencies, "properties": properties}


def test_stacks_are_read_dependencies_first(tmp_path: Path) -> None:
    artifacts = {
        "Api": stack("api.json", ["Messaging", "Api.assets"]),
        "Api.assets": {"type": "cdk:asset-manifest"},
        "Messaging": stack("messaging.json", ["Storage"], stackName="Named"),
        "Storage": stack("storage.json", []),
        "Tree": {"type": "cdk:tree"},
    }
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    for name in ("api", "messaging", "storage"):
        (tmp_path / f"{name}.json").write_text(json.dumps({"Description": name}))
    stacks = read_assembly(tmp_path)
    assert [stack.name for stack in stacks] == ["Storage", "Named", "Api"]
    assert stacks[1].template == {"Description": "messaging"}


class FakeCdk:
    """Fake of the process group that writes the assembly of the CDK."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []

    async def start(self, command: list[str], **_: Any) -> "FakeCdk":
        self.commands.append(command)
        self._write(Path(command[command.index("--output") + 1]))
        return self

    def _write(self, output: Path) -> None:
        output.mkdir(parents=True)
        (output / "one.json").write_text(json.dumps({"Description": str(len(self.commands))}))
        (output / "manifest.json").write_text(json.dumps({"artifacts": {"One": stack("one.json", [])}}))

    async def wait(self) -> int:
        return 0


def environment(**changes: Any) -> Environment:
    return Environment.model_validate({"name": "mine", "runtimes": [{"name": "a", "dynamicModel": True}], **changes})


def test_templates_are_synthesized_only_when_a_source_changes(tmp_path: Path) -> None:
    cdk: Any = FakeCdk()
    project = tmp_path / "project"
    (project / "stacks").mkdir(parents=True)
    (project / "app.py").write_text("1")
    state = StateDirectory(tmp_path / "state")
    options = replace(parse_options(["up"]), environment_file=tmp_path / "mine.yaml")

    def description(changed: Environment) -> str:
        stacks = asyncio.run(
            synthesize(LocalContext(replace(options, environment=changed), state, cdk, Console(), project))
        )
        text: str = stacks[0].template["Description"]
        return text

    assert description(environment()) == "1"
    assert description(environment(allowedLinkHosts=["127.0.0.1:7"])) == "1"
    assert description(environment(retentionHours=7)) == "2"
    for number, name in enumerate(("new.py", "prices.yaml"), start=3):
        (project / "stacks" / name).touch()
        assert description(environment(retentionHours=7)) == str(number)
    for hours in range(8, 16):
        description(environment(retentionHours=hours))
    assert len([path for path in state.assembly.iterdir() if path.is_dir()]) == 4
    assert f"environment={tmp_path / 'mine.yaml'}" in cdk.commands[0]
