"""The command `darkroom cost`."""

import click

from cli.session import Session, command


@click.command()
@click.option("--environment", "name", help="The environment; the same as before the command.")
@click.option(
    "--tasks-per-day",
    type=click.IntRange(1, 1_000_000),
    default=1000,
    show_default=True,
    help="Tasks that a runtime gets in a day, most of them in the afternoon.",
)
@click.option(
    "--task-seconds",
    type=click.FloatRange(0.1, 3600),
    default=4.0,
    show_default=True,
    help="Seconds that the GPU needs for a task, on average.",
)
@command
def cost(session: Session, name: str | None, tasks_per_day: int, task_seconds: float) -> None:
    """Print what an environment costs before it is deployed.

    The bill of a month without tasks comes first, then for each runtime the cost of 1,000 pictures in a simulated day.
    The prices are AWS's list prices as of the date that is printed. The command asks no AWS. It synthesizes the
    templates, which needs Node (`make setup-deploy`) and about ten seconds.
    """
    from cli.cost.cost_report import report_cost

    if name is not None:
        session.choose(name)
    report_cost(session, tasks_per_day=tasks_per_day, task_seconds=task_seconds)
