"""Dashboard of an environment: alarms, tasks and capacity as a whole, then each runtime."""

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import aws_cloudwatch
from constructs import Construct

from stacks.config import RuntimeConfig
from stacks.constructs.monitoring.alarms import RUNBOOKS
from stacks.constructs.monitoring.metrics import RuntimeMetrics, metric, of_function
from stacks.constructs.monitoring.runtime_widgets import HEIGHT, WIDTH, graph, runtime_widgets


class EnvironmentDashboard(aws_cloudwatch.Dashboard):
    """Dashboard named `Darkroom-{environment}`."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: str,
        runtimes: Sequence[tuple[RuntimeConfig, RuntimeMetrics]],
        functions: Mapping[str, str],
        capacity: Iterable[aws_cloudwatch.IWidget],
        alarms: Sequence[aws_cloudwatch.IAlarm],
    ) -> None:
        super().__init__(scope, id_, dashboard_name=f"Darkroom-{environment}")
        self.add_widgets(
            aws_cloudwatch.AlarmStatusWidget(
                title=f"Alarms, with runbooks in {RUNBOOKS}", alarms=list(alarms), width=3 * WIDTH, height=HEIGHT
            )
        )
        accepted = [metrics.accepted() for _, metrics in runtimes]
        unresolved = [
            metric(name, "Sum", label=name, environment=environment)
            for name in ("SweepFailures", "DeadLettersUnreadable")
        ]
        errors = [of_function("Errors", function, label=name) for name, function in functions.items()]
        self.add_widgets(
            graph("Tasks in, by runtime", accepted, unit="tasks a minute", stacked=True),
            graph("Tasks that no function could resolve", unresolved, unit="a minute"),
            graph("Errors of functions", errors, unit="a minute"),
        )
        self.add_widgets(*capacity)
        for runtime, metrics in runtimes:
            rows = runtime_widgets(
                metrics,
                gpus_per_replica=runtime.gpus_per_replica,
                price_per_gpu_hour=runtime.price_per_gpu_hour,
            )
            for row in rows:
                self.add_widgets(*row)
