"""What the dashboard shows of the machines under all runtimes: their number, and how much the account may have."""

from collections.abc import Iterator
from typing import Final

from aws_cdk import Duration, aws_cloudwatch

from stacks.config import Environment
from stacks.constructs.figures import MINUTE, NODES_METRIC, namespace_from_logs
from stacks.constructs.runtime_widgets import FIGURE_SECONDS, graph

#: How EC2 names its quotas of processors, by the first letter of the families that share one.
_USAGE_CLASSES: Final = ("Spot", "OnDemand")


def fleet_widgets(environment: Environment) -> list[aws_cloudwatch.IWidget]:
    """Return the graphs; none where nothing of ours starts machines."""
    if environment.engine == "none":
        return []
    nodes = _nodes_on_eks(environment) if environment.engine == "eks" else _nodes_on_ecs(environment)
    return [
        graph("Nodes", [nodes], unit="nodes"),
        graph("GPU nodes of the account, in processors", list(_processors(environment)), unit="vCPUs"),
        graph("Part of the GPU quotas in use", list(_quotas(environment)), unit="percent"),
    ]


def _nodes_on_eks(environment: Environment) -> aws_cloudwatch.IMetric:
    nodes = aws_cloudwatch.Metric(
        namespace=namespace_from_logs(environment.name),
        metric_name=NODES_METRIC,
        statistic="Sum",
        period=Duration.seconds(FIGURE_SECONDS),
    )
    return aws_cloudwatch.MathExpression(
        # Each node counts itself once a minute.
        expression=f"nodes / {FIGURE_SECONDS // MINUTE}",
        using_metrics={"nodes": nodes},
        label="nodes",
        period=Duration.seconds(FIGURE_SECONDS),
    )


def _nodes_on_ecs(environment: Environment) -> aws_cloudwatch.IMetric:
    return aws_cloudwatch.Metric(
        namespace="ECS/ContainerInsights",
        metric_name="ContainerInstanceCount",
        dimensions_map={"ClusterName": environment.cluster_name},
        statistic="Maximum",
        period=Duration.seconds(MINUTE),
        label="nodes",
    )


def _processors(environment: Environment) -> Iterator[aws_cloudwatch.IMetric]:
    letters = {instance.name[0].upper() for runtime in environment.runtimes for instance in runtime.instances}
    for letter in sorted(letters):
        for usage_class in _USAGE_CLASSES:
            yield aws_cloudwatch.Metric(
                namespace="AWS/Usage",
                metric_name="ResourceCount",
                dimensions_map={
                    "Class": f"{letter}/{usage_class}",
                    "Resource": "vCPU",
                    "Service": "EC2",
                    "Type": "Resource",
                },
                statistic="Maximum",
                period=Duration.seconds(FIGURE_SECONDS),
                label=f"{letter} {usage_class}",
            )


def _quotas(environment: Environment) -> Iterator[aws_cloudwatch.IMetric]:
    for number, metric in enumerate(_processors(environment)):
        name = f"used{number}"
        yield aws_cloudwatch.MathExpression(
            expression=f"100 * {name} / SERVICE_QUOTA({name})",
            using_metrics={name: metric},
            label=metric.label if isinstance(metric, aws_cloudwatch.Metric) else None,
            period=Duration.seconds(FIGURE_SECONDS),
        )
