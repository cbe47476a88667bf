"""Policy of the documents for CloudFormation: the services of the templates, and no others."""

import json

from tests.harness.documented_code import code_blocks
from tests.infrastructure.templates import Templates

#: Services whose name in IAM is not that of their resource types in small letters.
RENAMED = {"applicationautoscaling": "application-autoscaling"}


def services_of(templates: Templates) -> set[str]:
    """Return the services of all resources by their names in IAM; custom resources are functions."""
    kinds = [resource.type.split("::") for resource in templates.resources()]
    services = {"lambda" if kind[0] == "Custom" else kind[1].lower() for kind in kinds}
    return {RENAMED.get(service, service) for service in services}


def test_the_documented_policy_allows_the_services_of_both_engines(ecs: Templates, everything: Templates) -> None:
    (policy,) = [text for text in code_blocks("how-to/deployment.md", "json") if "CreateServiceLinkedRole" in text]
    actions = [
        action
        for statement in json.loads(policy)["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    allowed = {action.partition(":")[0] for action in actions}
    assert allowed == services_of(ecs) | services_of(everything) | {"cloudformation"}
