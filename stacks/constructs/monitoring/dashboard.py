"""Dashboard of an environment: alarms, tasks and capacity as a whole, then each runtime."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from aws_cdk import aws_cloudwatch
from constructs import Construct

from contract.webhook import WebhookState
from stacks.config import Environment, RuntimeConfig
from stacks.constructs.monitoring.alarms import RUNBOOKS
from stacks.constructs.monitoring.metrics import RuntimeMetrics, expression, metric, node_count, of_function
from stacks.constructs.monitoring.runtime_widgets import HEIGHT, PERIOD_SECONDS, WIDTH, graph, runtime_widgets

#: CloudWatch's limit of the alarms in one widget.
MAX_ALARMS: Final = 100
#: EC2's names of its vCPU quotas, which follow the first letter of the families that share one.
_USAGE_CLASSES: Final = ("Spot", "OnDemand")


class EnvironmentDashboard(aws_cloudwatch.Dashboard):
    """Dashboard named `Darkroom-{environment}`."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: Environment,
        runtimes: Sequence[tuple[RuntimeConfig, RuntimeMetrics]],
        functions: Mapping[str, str],
        alarms: Sequence[aws_cloudwatch.IAlarm],
    ) -> None:
        super().__init__(scope, id_, dashboard_name=f"Darkroom-{environment.name}")
        for start in range(0, len(alarms), MAX_ALARMS):
            self.add_widgets(
                aws_cloudwatch.AlarmStatusWidget(
                    title=f"Alarms, with runbooks in {RUNBOOKS}",
                    alarms=list(alarms[start : start + MAX_ALARMS]),
                    width=3 * WIDTH,
                    height=HEIGHT,
                )
            )
        accepted = [metrics.accepted() for _, metrics in runtimes]
        unresolved = [
            metric(name, "Sum", label=name, environment=environment.name)
            for name in ("SweepFailures", "DeadLettersUnreadable")
        ]
        errors = [of_function("Errors", function, label=name) for name, function in functions.items()]
        self.add_widgets(
            graph("Tasks in, by runtime", accepted, unit="tasks a minute", stacked=True),
            graph("Tasks that no function could resolve", unresolved, unit="a minute"),
            graph("Errors of functions", errors, unit="a minute"),
        )
        self.add_widgets(graph("Attempts to deliver webhooks", _webhooks(environment), unit="a minute"))
        self.add_widgets(*_capacity_widgets(environment))
        for runtime, metrics in runtimes:
            rows = runtime_widgets(
                metrics,
                gpus_per_replica=runtime.gpus_per_replica,
                price_per_gpu_hour=runtime.price_per_gpu_hour,
            )
            for row in rows:
                self.add_widgets(*row)


def _webhooks(environment: Environment) -> list[aws_cloudwatch.Metric]:
    return [
        metric("WebhookAttempts", "Sum", label=state.value, environment=environment.name, state=state.value)
        for state in WebhookState
    ]


def _capacity_widgets(environment: Environment) -> list[aws_cloudwatch.IWidget]:
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
