"""The dashboard of an environment: what is wrong now, what happens as a whole, then each runtime."""

from collections.abc import Iterable, Sequence

from aws_cdk import aws_cloudwatch
from constructs import Construct

from stacks.config import RuntimeConfig
from stacks.constructs.figures import RuntimeFigures, count_of
from stacks.constructs.runbook_alarm import RUNBOOKS
from stacks.constructs.runtime_widgets import HEIGHT, WIDTH, graph, runtime_widgets
from stacks.constructs.task_function import TaskFunction


class EnvironmentDashboard(aws_cloudwatch.Dashboard):
    """Named after its environment."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        environment: str,
        runtimes: Sequence[tuple[RuntimeConfig, RuntimeFigures]],
        functions: Sequence[TaskFunction],
        fleet: Iterable[aws_cloudwatch.IWidget],
        alarms: Sequence[aws_cloudwatch.IAlarm],
    ) -> None:
        super().__init__(scope, id_, dashboard_name=f"Darkroom-{environment}")
        self.add_widgets(
            aws_cloudwatch.AlarmStatusWidget(
                title=f"Alarms; what to do is in {RUNBOOKS}", alarms=list(alarms), width=3 * WIDTH, height=HEIGHT
            )
        )
        self.add_widgets(
            graph(
                "Tasks in, by runtime",
                [figures.accepted() for _, figures in runtimes],
                unit="tasks a minute",
                stacked=True,
            ),
            _trouble(environment),
            _functions(functions),
        )
        self.add_widgets(*fleet)
        for runtime, figures in runtimes:
            rows = runtime_widgets(
                figures,
                gpus_per_replica=runtime.gpus_per_replica,
                price_per_gpu_hour=runtime.price_per_gpu_hour,
            )
            for row in rows:
                self.add_widgets(*row)


def _trouble(environment: str) -> aws_cloudwatch.IWidget:
    names = ("SweepFailures", "DeadLettersUnreadable")
    return graph("What nobody could settle", [count_of(environment, name) for name in names], unit="a minute")


def _functions(functions: Sequence[TaskFunction]) -> aws_cloudwatch.IWidget:
    errors = [function.metric_errors(label=function.node.id) for function in functions]
    return graph("Errors of functions", errors, unit="a minute")
