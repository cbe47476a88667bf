"""What the dashboard shows of one runtime: its tasks, its queue, how long they take, its replicas and their cost."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration, aws_cloudwatch

from contract.record import FINAL_STATUSES
from stacks.constructs.figures import RuntimeFigures

#: Seconds of a point of the figures that need many tasks to say something.
FIGURE_SECONDS: Final = 300
#: A dashboard is 24 wide: three graphs beside each other.
WIDTH: Final = 8
HEIGHT: Final = 6


def runtime_widgets(
    figures: RuntimeFigures, *, gpus_per_replica: int, price_per_gpu_hour: float | None
) -> Sequence[Sequence[aws_cloudwatch.IWidget]]:
    """Return the rows of a runtime, its heading first."""
    heading = aws_cloudwatch.TextWidget(markdown=f"## {figures.runtime}", width=3 * WIDTH, height=1)
    return [
        [heading],
        [_tasks(figures), _queue(figures), _seconds("Delay (waiting)", figures, "TaskDelaySeconds")],
        [_stages(figures), _replicas(figures), _yield(figures, gpus_per_replica, price_per_gpu_hour)],
    ]


def graph(
    title: str,
    left: Sequence[aws_cloudwatch.IMetric],
    *,
    right: Sequence[aws_cloudwatch.IMetric] = (),
    unit: str = "",
    right_unit: str = "",
    stacked: bool = False,
) -> aws_cloudwatch.GraphWidget:
    """Return a graph that begins at zero."""
    return aws_cloudwatch.GraphWidget(
        title=title,
        width=WIDTH,
        height=HEIGHT,
        left=list(left),
        right=list(right),
        stacked=stacked,
        left_y_axis=aws_cloudwatch.YAxisProps(min=0, label=unit, show_units=False),
        right_y_axis=aws_cloudwatch.YAxisProps(min=0, label=right_unit, show_units=False),
    )


def _tasks(figures: RuntimeFigures) -> aws_cloudwatch.IWidget:
    ended = [figures.ended(status) for status in FINAL_STATUSES]
    return graph("Tasks in and out", [figures.accepted(), *ended], unit="tasks a minute")


def _queue(figures: RuntimeFigures) -> aws_cloudwatch.IWidget:
    return graph(
        "Queue",
        [figures.waiting(), figures.in_flight()],
        right=[figures.oldest_seconds()],
        unit="messages",
        right_unit="seconds",
    )


def _seconds(title: str, figures: RuntimeFigures, *names: str) -> aws_cloudwatch.IWidget:
    metrics = [
        figures.of_agents(
            name, statistic, period_seconds=FIGURE_SECONDS, label=f"{name.removesuffix('Seconds')} {statistic}"
        )
        for name in names
        for statistic in ("p50", "p95")
    ]
    return graph(title, metrics, unit="seconds")


def _stages(figures: RuntimeFigures) -> aws_cloudwatch.IWidget:
    return _seconds("Execution", figures, "TotalSeconds", "GenerateSeconds", "FetchSeconds", "StoreSeconds")


def _replicas(figures: RuntimeFigures) -> aws_cloudwatch.IWidget:
    busy = aws_cloudwatch.MathExpression(
        expression="100 * share",
        using_metrics={"share": figures.of_agents("BusyShare", "Average", period_seconds=FIGURE_SECONDS)},
        label="busy",
        period=Duration.seconds(FIGURE_SECONDS),
    )
    minutes = FIGURE_SECONDS // 60
    replicas = [
        aws_cloudwatch.MathExpression(
            # Each replica counts itself once a minute.
            expression=f"{label} / {minutes}",
            using_metrics={label: figures.of_agents(name, "Sum", period_seconds=FIGURE_SECONDS)},
            label=label,
            period=Duration.seconds(FIGURE_SECONDS),
        )
        for name, label in (("Replicas", "replicas"), ("ReadyReplicas", "ready"))
    ]
    return graph("Replicas", replicas, right=[busy], unit="replicas", right_unit="percent of the time busy")


def _yield(figures: RuntimeFigures, gpus_per_replica: int, price_per_gpu_hour: float | None) -> aws_cloudwatch.IWidget:
    """Return what comes out of an hour of a GPU, and, where its price is known, what that costs."""
    metrics = {
        "images": figures.of_agents("Images", "Sum", period_seconds=FIGURE_SECONDS),
        "reports": figures.of_agents("Replicas", "Sum", period_seconds=FIGURE_SECONDS),
    }
    gpu_hours = f"(reports * {gpus_per_replica} / 60)"

    def expression(text: str, label: str) -> aws_cloudwatch.MathExpression:
        # The console has no use for a metric that an expression does not name.
        used = {name: metric for name, metric in metrics.items() if name in text}
        return aws_cloudwatch.MathExpression(
            expression=text, using_metrics=used, label=label, period=Duration.seconds(FIGURE_SECONDS)
        )

    images_per_hour = expression(f"IF(reports > 0, FILL(images, 0) / {gpu_hours}, 0)", "images per GPU-hour")
    if price_per_gpu_hour is None:
        return graph("Images per GPU-hour", [images_per_hour], unit="images")
    cost_of_thousand = f"IF(images > 0, 1000 * {price_per_gpu_hour} * {gpu_hours} / images, 0)"
    hours_per_hour = f"{gpu_hours} * {3600 // FIGURE_SECONDS} * {price_per_gpu_hour}"
    costs = [
        expression(cost_of_thousand, "cost of 1,000 images"),
        expression(hours_per_hour, "cost per hour"),
    ]
    title = f"Images per GPU-hour, and cost at {price_per_gpu_hour:g} per GPU-hour (estimate)"
    return graph(title, [images_per_hour], right=costs, unit="images", right_unit="currency of pricePerGpuHour")
