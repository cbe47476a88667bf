"""Actions that the synthesized roles allow each function and the runtime's container.

`python -m tests.permissions.grants` prints them as one JSON line.
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from stacks.environment_file import read_environment_file
from stacks.nodejs import use_bundled_node

OWN_ENVIRONMENTS = Path(__file__).parents[1] / "infrastructure" / "environments"
#: All that functions may be switched on to do, and the least environment of each engine: on ECS the container may do
#: more. Tracing is on in all. Other tests hold each environment to what it switches on.
ENVIRONMENTS = ("everything", "eks", "ecs")
#: Logical id of the role of a runtime's container.
RUNTIME_ROLE: Final = re.compile(r"Runtime[A-Za-z0-9]+(?<!Execution)Role[0-9A-F]{8}")

#: The roles whose calls no test can see, by their logical ids without the hash, and who calls in their name instead.
CALLED_BY_OTHERS: Final = {
    re.compile(pattern): reason
    for pattern, reason in {
        "EcsNodeRole": "ECS's agent on a node; the actions are those of AWS's own policy for it, without what replicas"
        " have from their execution role",
        "HttpApiCloudWatchRole": "API Gateway writes its logs; the policy is AWS's",
        "KedaRole": "KEDA asks for the lengths of the queues (GetQueueAttributes); tests/infrastructure/test_eks.py has"
        " its rights",
        "KubernetesClusterKubectlProvider.*": "the CDK's own functions, which apply what the templates say",
        "KubernetesClusterRole": "EKS Auto Mode; the policies are AWS's",
        "KubernetesNodeRole": "the kubelet on a node; the policies are AWS's",
        "LogRetention.*": "the CDK's own function, which sets the retention of the control plane's logs",
        "LogsRole": "Fluent Bit writes the replicas' lines; the snapshots show its rights",
        "NetworkVpcFlowLogIAMRole": "VPC writes its flow logs",
        "Runtime.+ExecutionRole": "ECS pulls the image, reads secrets and writes logs before there is a replica;"
        " tests/infrastructure/test_ecs.py has its rights",
    }.items()
}

Resources = Mapping[str, Any]


def granted_actions() -> dict[str, set[str]]:
    """Return the actions that each component's role allows; synthesizes three environments."""
    use_bundled_node()
    from stacks.application import build_application  # noqa: PLC0415  # starts Node, so only when it is needed

    granted: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ENVIRONMENTS:
            environment = read_environment_file(OWN_ENVIRONMENTS / f"{name}.yaml").model_copy(update={"tracing": True})
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
        if resource["Type"] == "AWS::IAM::Role" and RUNTIME_ROLE.fullmatch(name):
            yield "runtime", name


def actions_of(role: str, resources: Resources) -> Iterator[str]:
    """Yield the actions that the policies of a role allow."""
    for resource in resources.values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::IAM::Policy" and {"Ref": role} in properties["Roles"]:
            for statement in properties["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                yield from [actions] if isinstance(actions, str) else actions


if __name__ == "__main__":
    json.dump({component: sorted(actions) for component, actions in granted_actions().items()}, sys.stdout)
