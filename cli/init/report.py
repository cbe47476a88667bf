"""Steps of `darkroom init`: the interview, the file, and the cost of what it describes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from cli.cost.cost_report import CostReport, report_cost
from cli.errors import Refused
from cli.init.answers import EnvironmentAnswers
from cli.init.environment_writer import refuse_existing, write_environment
from cli.init.questions import Interview, parse_runtime
from cli.session import Session
from stacks.environment_file import InvalidEnvironmentFile, check_environment, environment_path

#: Seconds that the GPU needs for a task of the simulation, as in `darkroom cost`.
TASK_SECONDS: Final = 4.0


def create_environment(
    session: Session,
    *,
    runtimes: Sequence[str],
    budget: float | None,
    tasks_per_day: int,
    file: Path | None,
    yes: bool,
    force: bool,
    **given: Any,
) -> None:
    """Write an environment file and print its cost; raises WrongUsage and Refused.

    The arguments are the options of the command; `given` are those that answer a question.
    """
    refuse_existing(file or environment_path("new"), replaces=force or file is None)

    def check(answers: EnvironmentAnswers) -> None:
        place = environment_path(answers.name)
        check_environment(answers.document(), file or place)
        if file is None and place.exists() and not force:
            raise InvalidEnvironmentFile(place, [f"{place} exists already; write another name, or --force"])

    interview = Interview(asks=not yes, say=session.hint, check=check)
    answers = interview.answers(given, [parse_runtime(text) for text in runtimes])
    path = file or environment_path(answers.name)
    if not yes and budget is None:
        session.hint("\nWhat you want to spend, to compare with what the environment costs. 0 is no limit.")
        budget = click.prompt("US dollars a month", default=0.0, type=click.FloatRange(min=0), err=True)
    write_environment(path, answers.text(), replaces=force)
    session.hint(f"wrote {path}\n")
    session.choose(str(path))
    try:
        cost = report_cost(session, tasks_per_day=tasks_per_day, task_seconds=TASK_SECONDS)
    except Refused as error:
        session.hint(f"The file is complete, and its cost is unknown: {error}")
    else:
        session.line(_month(cost, tasks_per_day, budget or 0.0))
    session.hint(f"\nNext: darkroom doctor --environment {path.stem if file is None else path}")


def _month(cost: CostReport, tasks_per_day: int, budget: float) -> str:
    """Return what a month costs, and whether the budget allows it."""
    known = "" if all(runtime.basis for runtime in cost.pictures) else " Add the runtimes whose price is unknown."
    month = f"A month costs about {cost.usd_of_month:,.0f} USD with {tasks_per_day:,} tasks a day for each runtime"
    lines = [f"\n{month}, and {cost.usd_of_full_month:,.0f} USD if all replicas run all the time.{known}"]
    if budget:
        advice = "lower the most replicas, or take fewer runtimes"
        for amount, what in ((cost.usd_of_month, "This"), (cost.usd_of_full_month, "The most that it can cost")):
            verdict = "is within" if amount <= budget else f"exceeds ({advice})"
            lines.append(f"{what} {verdict}: the budget is {budget:,.0f} USD.")
    return "\n".join(lines)
