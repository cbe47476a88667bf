"""Dashboard rows of one runtime: its tasks, queue, durations, replicas and cost."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import aws_cloudwatch

from contract.record import FINAL_STATUSES
from stacks.constructs.monitoring.metrics import RuntimeMetrics, expression

#: Seconds per point of metrics that need many tasks to be meaningful.
PERIOD_SECONDS: Final = 300
#: Metrics of tasks that left a replica unfinished without a caller's cancel, and their labels.
LOST_TASKS: Final = {
    "TasksHandedBack": "released",
    "ReplicasVanished": "replica vanished",
    "TasksLeaseLost": "lease lost",
    "TasksLeaseExpired": "lease expired",
    "TasksMessageLost": "message lost",
}
#: A dashboard is 24 units wide: three graphs in a row.
WIDTH: Final = 8
HEIGHT: Final = 6


def runtime_widgets(
    metrics: RuntimeMetrics, *, gpus_per_replica: int, price_per_gpu_hour: float | None
) -> Sequence[Sequence[aws_cloudwatch.IWidget]]:
    """Return the rows of a runtime, its heading first."""
    heading = aws_cloudwatch.TextWidget(markdown=f"## {metrics.runtime}", width=3 * WIDTH, height=1)
    finished = [metrics.finished(status) for status in FINAL_STATUSES]
    lost = [metrics.of_agents(name, "Sum", label=label) for name, label in LOST_TASKS.items()]
    tasks = graph(
        "Tasks in and out",
        [metrics.accepted(), *finished],
        right=lost,
        unit="tasks a minute",
        right_unit="released or lost by replicas a minute",
    )
    queue = graph(
        "Queue",
        [metrics.waiting(), metrics.in_flight()],
        right=[metrics.oldest_seconds()],
        unit="messages",
        right_unit="seconds",
    )
    stages = ("TotalSeconds", "GenerateSeconds", "FetchSeconds", "StoreSeconds")
    return [
        [heading],
        [tasks, queue, _durations("Delay (waiting)", metrics, "TaskDelaySeconds")],
        [
            _durations("Execution", metrics, *stages),
            _replicas(metrics),
            _images(metrics, gpus_per_replica, price_per_gpu_hour),
        ],
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
    """Return a graph whose axes start at zero."""
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


def _durations(title: str, metrics: RuntimeMetrics, *names: str) -> aws_cloudwatch.IWidget:
    percentiles = [
        metrics.of_agents(
            name, statistic, period_seconds=PERIOD_SECONDS, label=f"{name.removesuffix('Seconds')} {statistic}"
        )
        for name in names
        for statistic in ("p50", "p95")
    ]
    return graph(title, percentiles, unit="seconds")


def _replicas(metrics: RuntimeMetrics) -> aws_cloudwatch.IWidget:
    share = metrics.of_agents("BusyShare", "Average", period_seconds=PERIOD_SECONDS)
    busy = expression("100 * share", "busy", period_seconds=PERIOD_SECONDS, share=share)
    # Each replica counts itself once a minute.
    reports = PERIOD_SECONDS // 60
    replicas = [
        expression(
            f"{label} / {reports}",
            label,
            period_seconds=PERIOD_SECONDS,
            **{label: metrics.of_agents(name, "Sum", period_seconds=PERIOD_SECONDS)},
        )
        for name, label in (("Replicas", "replicas"), ("ReadyReplicas", "ready"))
    ]
    return graph("Replicas", replicas, right=[busy], unit="replicas", right_unit="percent of the time busy")


def _images(metrics: RuntimeMetrics, gpus_per_replica: int, price_per_gpu_hour: float | None) -> aws_cloudwatch.IWidget:
    """Return the images per GPU-hour, and their cost where its price is known."""
    images = metrics.of_agents("Images", "Sum", period_seconds=PERIOD_SECONDS)
    reports = metrics.of_agents("Replicas", "Sum", period_seconds=PERIOD_SECONDS)
    gpu_hours = f"(reports * {gpus_per_replica} / 60)"
    images_per_hour = expression(
        f"IF(reports > 0, FILL(images, 0) / {gpu_hours}, 0)",
        "images per GPU-hour",
        period_seconds=PERIOD_SECONDS,
        images=images,
        reports=reports,
    )
    if price_per_gpu_hour is None:
        return graph("Images per GPU-hour", [images_per_hour], unit="images")
    costs = [
        expression(
            f"IF(images > 0, 1000 * {price_per_gpu_hour} * {gpu_hours} / images, 0)",
            "cost of 1,000 images",
            period_seconds=PERIOD_SECONDS,
            images=images,
            reports=reports,
        ),
        expression(
            f"{gpu_hours} * {3600 // PERIOD_SECONDS} * {price_per_gpu_hour}",
            "cost per hour",
            period_seconds=PERIOD_SECONDS,
            reports=reports,
        ),
    ]
    title = f"Images per GPU-hour, and cost at {price_per_gpu_hour:g} per GPU-hour (estimate)"
    return graph(title, [images_per_hour], right=costs, unit="images", right_unit="currency of pricePerGpuHour")
