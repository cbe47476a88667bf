"""Synthesizes each environment once for all tests of the templates."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from stacks.config import Environment
from stacks.environment_file import load_environment, read_environment_file
from stacks.nodejs import use_bundled_node

PROJECT = Path(__file__).parents[2]
#: Environments that only the tests make: one with every key of what needs no engine, and one for each way of an engine.
OWN_ENVIRONMENTS = Path(__file__).with_name("environments")
ENVIRONMENTS = ("dev", "local", "prod", "example", *sorted(file.stem for file in OWN_ENVIRONMENTS.glob("*.yaml")))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="write the snapshots of the templates anew")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # One worker synthesizes for all: starting the CDK library costs seconds.
    for item in items:
        if Path(__file__).parent in item.path.parents and item.config.pluginmanager.hasplugin("xdist"):
            item.add_marker(pytest.mark.xdist_group("infrastructure"))


@dataclass(frozen=True)
class Resource:
    stack: str
    logical_id: str
    type: str
    body: dict[str, Any]

    @property
    def properties(self) -> dict[str, Any]:
        properties: dict[str, Any] = self.body.get("Properties", {})
        return properties

    @property
    def name(self) -> str:
        """The logical id without the hash that CDK appends to it."""
        return without_hash(self.logical_id)


@dataclass(frozen=True)
class Templates:
    """The synthesized stacks of an environment, by the last part of their names."""

    environment: Environment
    folder: Path
    stacks: Mapping[str, dict[str, Any]] = field(repr=False)

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.template.json"))

    def resources(self, *types: str) -> list[Resource]:
        return [
            Resource(stack, logical_id, body["Type"], body)
            for stack, template in self.stacks.items()
            for logical_id, body in template["Resources"].items()
            if not types or body["Type"] in types
        ]

    def named(self, name: str, type_: str) -> Resource:
        (resource,) = [resource for resource in self.resources(type_) if resource.name == name]
        return resource

    @property
    def functions(self) -> list[Resource]:
        """Our own functions; those with which the CDK does its work are its own business."""
        functions = self.resources("AWS::Lambda::Function")
        return [function for function in functions if function.properties["Handler"].startswith("lambdas.")]

    def function(self, folder: str) -> Resource:
        handler = f"lambdas.{folder}.handler.handler"
        (function,) = [function for function in self.functions if function.properties["Handler"] == handler]
        return function

    def outputs(self, stack: str) -> dict[str, Any]:
        outputs: dict[str, Any] = self.stacks[stack]["Outputs"]
        # Beside those that we name there are the ones through which stacks refer to each other.
        return {
            name: body
            for name, body in outputs.items()
            if "Export" not in body and not name.startswith("PublishOutput")
        }

    def flat(self, value: Any) -> str:
        """Write what a property refers to in one line: `TaskTable.Arn/index/by_due`."""
        match value:
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self.flat(part) for part in parts)
            case {"Fn::GetAtt": [resource, attribute]}:
                return f"{without_hash(resource)}.{attribute}"
            case {"Ref": name}:
                return str(name) if name.startswith("AWS::") else without_hash(name)
            case {"Fn::GetStackOutput": {"OutputName": name}} | {"Fn::ImportValue": name}:
                return self.flat(self._published[name])
            case {"Fn::GetStackOutput": {"StackName": stack, "OutputName": output}}:
                name = stack.removeprefix(f"Darkroom-{self.environment.name}-")
                return self.flat(self.stacks[name]["Outputs"][output]["Value"])
        return str(value)

    @property
    def manifests(self) -> list[dict[str, Any]]:
        """The Kubernetes objects, with what they refer to in one line each."""
        applied = self.resources("Custom::AWSCDK-EKS-KubernetesResource")
        return [manifest for resource in applied for manifest in json.loads(self.flat(resource.properties["Manifest"]))]

    def manifest(self, kind: str, namespace: str | None = None, name: str | None = None) -> dict[str, Any]:
        (found,) = [
            manifest
            for manifest in self.manifests
            if manifest["kind"] == kind
            and namespace in {None, manifest["metadata"].get("namespace")}
            and name in {None, manifest["metadata"]["name"]}
        ]
        return found

    @property
    def _published(self) -> dict[str, Any]:
        """What other stacks read: exports, and outputs that they read without holding on to them."""
        return {
            key: output["Value"]
            for template in self.stacks.values()
            for name, output in template.get("Outputs", {}).items()
            for key in (name, output.get("Export", {}).get("Name"))
        }


def without_hash(logical_id: str) -> str:
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


@pytest.fixture(scope="session", autouse=True)
def _bundled_node() -> None:
    use_bundled_node()


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Environment], Templates]:
    """Synthesizes an environment in this process, without the functions' code."""

    def synthesize(environment: Environment) -> Templates:
        from stacks.application import build_application  # noqa: PLC0415  # starts Node, so only when it is needed

        folder = tmp_path_factory.mktemp(environment.name)
        build_application(environment, output_directory=folder, bundle_functions=False).synth()
        prefix = f"Darkroom-{environment.name}-"
        stacks = {
            file.name.removeprefix(prefix).removesuffix(".template.json"): json.loads(file.read_text())
            for file in folder.glob("*.template.json")
        }
        return Templates(environment, folder, stacks)

    return synthesize


@pytest.fixture(scope="session")
def templates_of(synthesize: Callable[[Environment], Templates]) -> Callable[[str], Templates]:
    @cache
    def templates_of(name: str) -> Templates:
        own = OWN_ENVIRONMENTS / f"{name}.yaml"
        return synthesize(read_environment_file(own) if own.exists() else load_environment(name))

    return templates_of


@pytest.fixture(params=ENVIRONMENTS)
def templates(request: pytest.FixtureRequest, templates_of: Callable[[str], Templates]) -> Templates:
    """The templates of each environment in turn."""
    return templates_of(request.param)


@pytest.fixture
def dev(templates_of: Callable[[str], Templates]) -> Templates:
    return templates_of("dev")


@pytest.fixture
def everything(templates_of: Callable[[str], Templates]) -> Templates:
    return templates_of("everything")
