"""`darkroom logs`: what functions and replicas wrote, for one task or for all."""

import json
import time
from typing import Final

import click

from cli.environment import LOCAL
from cli.session import Session, command

#: Seconds between two looks at the logs.
FOLLOW_SECONDS: Final = 2.0
#: Ten years, the longest retention of CloudWatch.
MAX_HOURS: Final = 10 * 366 * 24


@click.command()
@click.argument("task_id", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with new lines until Ctrl-C.")
@click.option(
    "--hours",
    type=click.FloatRange(0, MAX_HOURS, min_open=True),
    default=1.0,
    show_default=True,
    help="How far to look back.",
)
@command
def logs(session: Session, task_id: str | None, follow: bool, hours: float) -> None:
    """Show log lines, all or those of TASK_ID.

    Functions and replicas write them: to files locally, and to the log groups of a deployed environment. With --json
    each line is an object.
    """
    from cli.log_sources import CloudWatchLogs, LocalLogs, as_text

    since = time.time() - hours * 3600
    environment = session.environment()
    source: LocalLogs | CloudWatchLogs
    if environment.name == LOCAL:
        source = LocalLogs(folder=session.choice.state_directory / "logs", task_id=task_id, since=since)
    else:
        source = CloudWatchLogs(
            client=environment.client("logs"), environment=environment.name, task_id=task_id, since=since
        )
    has_lines = False
    while True:
        for line in source.read():
            has_lines = True
            click.echo(json.dumps(line._asdict(), ensure_ascii=False) if session.as_json else as_text(line))
        if not follow:
            if not has_lines:
                what = f"no line names {task_id!r}" if task_id else "nothing was logged"
                session.hint(f"{what} within --hours {hours:g}; a larger number looks further back")
            return
        time.sleep(FOLLOW_SECONDS)
