"""The templates of the project's environments, kept in YAML so that a review shows what a change does to AWS.

`make snapshots` writes them anew. What changes with every edit of the functions' code is left out.
"""

import difflib
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.config import Environment
from stacks.environment_file import read_environment_file

SNAPSHOTS = Path(__file__).with_name("snapshots")
#: One environment for each engine.
ENVIRONMENTS = ("example", "ecs")
OWN_ENVIRONMENTS = Path(__file__).with_name("environments")
#: What an environment may take to become templates, on a slow machine with company: ten seconds.
MAX_SECONDS = 10

_ASSET = re.compile(r"\b[0-9a-f]{64}\b")


def snapshot_of(template: dict[str, Any]) -> str:
    """Return a template as YAML; objects of Kubernetes, which templates hold as one string, are spread out."""
    return yaml.safe_dump(readable(template), sort_keys=True, width=120, allow_unicode=True, default_flow_style=None)


def readable(value: Any) -> Any:
    match value:
        case {"Fn::Join": ["", [str(first), *_] as parts]} if first.startswith('[{"apiVersion"'):
            return {"Manifest": json.loads("".join(map(reference, parts)))}
        case dict():
            return {name: readable(part) for name, part in value.items()}
        case list():
            return [readable(part) for part in value]
        case str() if value.startswith('[{"apiVersion"'):
            return {"Manifest": json.loads(value)}
        case str():
            return _ASSET.sub("<asset>", value)
    return value


def reference(part: Any) -> str:
    text = part if isinstance(part, str) else "${" + json.dumps(part).replace('"', "") + "}"
    return _ASSET.sub("<asset>", text)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_templates_are_those_of_the_snapshot(name: str, templates_of: Any, request: pytest.FixtureRequest) -> None:
    folder = SNAPSHOTS / name
    found = {f"{stack}.yaml": snapshot_of(template) for stack, template in templates_of(name).stacks.items()}
    if request.config.getoption("--update-snapshots", default=False):
        folder.mkdir(parents=True, exist_ok=True)
        for file in folder.glob("*.yaml"):
            file.unlink()
        for file_name, text in found.items():
            (folder / file_name).write_text(text)
    kept = {file.name: file.read_text() for file in folder.glob("*.yaml")}
    assert found.keys() == kept.keys()
    changes = [
        line
        for file_name, text in sorted(found.items())
        for line in difflib.unified_diff(
            kept[file_name].splitlines(), text.splitlines(), f"{name}/{file_name}", "now", lineterm="", n=2
        )
    ]
    assert not changes, "\n".join([*changes, "If this is meant: make snapshots"])


def test_two_environments_of_a_name_are_the_same_to_the_byte(synthesize: Any, templates_of: Any) -> None:
    first = templates_of("two-runtimes")
    second = synthesize(first.environment)
    assert [file.name for file in first.files] == [file.name for file in second.files]
    for one, other in zip(first.files, second.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_environments_become_templates_in_seconds(synthesize: Any) -> None:
    environments: list[Environment] = [
        read_environment_file(file)
        for file in sorted(OWN_ENVIRONMENTS.glob("*.yaml"))
        if read_environment_file(file).engine != "none"
    ]
    started = time.monotonic()
    for environment in environments:
        synthesize(environment)
    assert time.monotonic() - started < MAX_SECONDS * len(environments)
