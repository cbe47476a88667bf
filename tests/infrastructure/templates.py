"""Synthesized templates of an environment, as the tests read them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stacks.config import Environment
from stacks.environment_file import load_environment, read_environment_file

if TYPE_CHECKING:
    from aws_cdk import App

#: Environments of the tests: one with every key on EKS, and one for each special case of an engine.
OWN_ENVIRONMENTS = Path(__file__).with_name("environments")
#: Environments of `make test`, one for each engine. The others take `make test-all`.
INNER_ENVIRONMENTS = ("everything", "ecs")
ENVIRONMENTS = (
    *INNER_ENVIRONMENTS,
    *("dev", "local", "prod", "example"),
    *sorted(file.stem for file in OWN_ENVIRONMENTS.glob("*.yaml") if file.stem not in INNER_ENVIRONMENTS),
)


def environment_parameters(*names: str) -> list[object]:
    """Return these environments as parameters of a test; those outside the inner gate are slow."""
    slow = [name for name in names if name not in INNER_ENVIRONMENTS]
    inner = [name for name in names if name in INNER_ENVIRONMENTS]
    return [*inner, *(pytest.param(name, marks=pytest.mark.slow) for name in slow)]


@dataclass(frozen=True)
class Resource:
    """Resource of a stack."""

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
    app: "App" = field(repr=False)
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
        """Our own functions, without those that the CDK adds for its work."""
        functions = self.resources("AWS::Lambda::Function")
        return [function for function in functions if function.properties["Handler"].startswith("lambdas.")]

    def function(self, folder: str) -> Resource:
        handler = f"lambdas.{folder}.handler.handler"
        (function,) = [function for function in self.functions if function.properties["Handler"] == handler]
        return function

    def outputs(self, stack: str) -> dict[str, Any]:
        """Return the outputs that we name, without those through which stacks refer to each other."""
        outputs: dict[str, Any] = self.stacks[stack].get("Outputs", {})
        return {name: body for name, body in outputs.items() if "Export" not in body and not name.startswith("Shared")}

    def flat(self, value: Any) -> str:
        """Return the target of a property's references in one line: `TaskTable.Arn/index/by_due`."""
        match value:
            case {"Fn::Join": [separator, parts]}:
                return str(separator).join(self.flat(part) for part in parts)
            case {"Fn::Select": [position, {"Fn::Split": [separator, {"Fn::GetAtt": [parameter, "Value"]}]}]}:
                return self.flat(self._shared_names[parameter]).split(separator)[int(position)]
            case {"Fn::GetAtt": [resource, attribute]}:
                return f"{without_hash(resource)}.{attribute}"
            case {"Ref": name}:
                return str(name) if name.startswith("AWS::") else without_hash(name)
            case {"Fn::GetStackOutput": {"OutputName": name}} | {"Fn::ImportValue": name}:
                return self.flat(self._published[name])
        return str(value)

    @property
    def manifests(self) -> list[dict[str, Any]]:
        """The Kubernetes objects, with their references in one line each."""
        return _manifests(self)

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
    def _shared_names(self) -> dict[str, Any]:
        """The values of the parameters with names of other stacks."""
        return {item.logical_id: item.properties["Value"] for item in self.resources("AWS::SSM::Parameter")}

    @property
    def _published(self) -> dict[str, Any]:
        return _published(self)

    def __hash__(self) -> int:
        return hash(self.folder)


@cache
def _manifests(templates: Templates) -> list[dict[str, Any]]:
    applied = templates.resources("Custom::AWSCDK-EKS-KubernetesResource")
    return [
        manifest for resource in applied for manifest in json.loads(templates.flat(resource.properties["Manifest"]))
    ]


@cache
def _published(templates: Templates) -> dict[str, Any]:
    """Return the values that other stacks read: exports, and outputs of weak references."""
    return {
        key: output["Value"]
        for template in templates.stacks.values()
        for name, output in template.get("Outputs", {}).items()
        for key in (name, output.get("Export", {}).get("Name"))
    }


def without_hash(logical_id: str) -> str:
    return re.sub(r"[0-9A-F]{8}$", "", logical_id)


def synthesize(environment: Environment, folder: Path) -> Templates:
    """Return the templates of an environment without the functions' code."""
    from stacks.application import build_application  # noqa: PLC0415  # starts Node, so only when it is needed

    app = build_application(environment, output_directory=folder, bundle_functions=False)
    app.synth()
    prefix = f"Darkroom-{environment.name}-"
    stacks = {
        file.name.removeprefix(prefix).removesuffix(".template.json"): json.loads(file.read_text())
        for file in folder.glob("*.template.json")
    }
    return Templates(environment, app, folder, stacks)


def read_environment(name: str) -> Environment:
    """Return an environment of the tests or of the project."""
    own = OWN_ENVIRONMENTS / f"{name}.yaml"
    return read_environment_file(own) if own.exists() else load_environment(name)
