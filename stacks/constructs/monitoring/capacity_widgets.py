"""Dashboard row of the GPU nodes of all runtimes and the account's quotas for them."""

from collections.abc import Iterator
from typing import Final

from aws_cdk import aws_cloudwatch

from stacks.config import Environment
from stacks.constructs.monitoring.metrics import expression, metric, node_count
from stacks.constructs.monitoring.runtime_widgets import PERIOD_SECONDS, graph

#: EC2's names of its vCPU quotas, which follow the first letter of the families that share one.
_USAGE_CLASSES: Final = ("Spot", "OnDemand")


def capacity_widgets(environment: Environment) -> list[aws_cloudwatch.IWidget]:
    """Return the graphs; an environment without an engine starts no nodes and has none."""
    if environment.engine == "none":
        return []
    return [
        graph("Nodes", [node_count(environment)], unit="nodes"),
        graph("GPU nodes of the account, in processors", list(_processors(environment)), unit="vCPUs"),
        graph("Part of the GPU quotas in use", list(_quotas(environment)), unit="percent"),
    ]


def _processors(environment: Environment) -> Iterator[aws_cloudwatch.Metric]:
    letters = {instance.name[0].upper() for runtime in environment.runtimes for instance in runtime.instances}
    for letter in sorted(letters):
        for usage_class in _USAGE_CLASSES:
            yield metric(
                "ResourceCount",
                "Maximum",
                namespace="AWS/Usage",
                period_seconds=PERIOD_SECONDS,
                label=f"{letter} {usage_class}",
                Class=f"{letter}/{usage_class}",
                Resource="vCPU",
                Service="EC2",
                Type="Resource",
            )


def _quotas(environment: Environment) -> Iterator[aws_cloudwatch.IMetric]:
    for number, used in enumerate(_processors(environment)):
        name = f"used{number}"
        text = f"100 * {name} / SERVICE_QUOTA({name})"
        yield expression(text, used.label, period_seconds=PERIOD_SECONDS, **{name: used})
