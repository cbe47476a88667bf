"""What the synthesized roles allow: of each function, and of the runtime's container."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stacks.environment_file import read_environment_file
from stacks.node import use_bundled_node

OWN_ENVIRONMENTS = Path(__file__).parents[1] / "infrastructure" / "environments"
#: All that functions may be switched on to do, and the least environment with an engine: the container's role is the
#: same in all. Other tests hold each environment to what it switches on.
ENVIRONMENTS = ("everything", "eks")
#: Logical id of the container's role there, without its hash.
RUNTIME_ROLE = "RuntimeSdruntimeRole"

Resources = Mapping[str, Any]


def granted_actions() -> dict[str, set[str]]:
    """Return the actions that each component's role allows; synthesizes two environments."""
    use_bundled_node()
    from stacks.application import build_application  # noqa: PLC0415  # starts Node, so only when it is needed

    granted: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ENVIRONMENTS:
            environment = read_environment_file(OWN_ENVIRONMENTS / f"{name}.yaml")
            output = Path(folder) / environment.name
            build_application(environment, output_directory=output, bundle_functions=False).synth()
            for file in output.glob("*.template.json"):
                resources = json.loads(file.read_text())["Resources"]
                for component, role in components(resources):
                    granted.setdefault(component, set()).update(actions_of(role, resources))
    return granted


def components(resources: Resources) -> Iterator[tuple[str, str]]:
    """Yield each component of a template with its role's logical id."""
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        handler = properties.get("Handler", "")
        if resource["Type"] == "AWS::Lambda::Function" and handler.startswith("lambdas."):
            yield handler.split(".")[1], properties["Role"]["Fn::GetAtt"][0]
        if resource["Type"] == "AWS::IAM::Role" and name.startswith(RUNTIME_ROLE):
            yield "runtime", name


def actions_of(role: str, resources: Resources) -> Iterator[str]:
    """Yield the actions that the policies of a role allow."""
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Policy" and {"Ref": role} in properties["Roles"]:
            for statement in properties["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                yield from [actions] if isinstance(actions, str) else actions
