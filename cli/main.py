"""`darkroom`: submit, watch, cancel and list tasks of a local or a deployed environment, examine it, keep its models.

Results go to standard output as JSON, everything said to a person to standard error, so that scripts can pipe.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec

import click
from rich.console import Console
from rich.table import Table

from cli.api_client import ApiClient
from cli.doctor.command import doctor
from cli.errors import TaskDidNotComplete
from cli.models_command import models
from cli.requests import file_name, id_of, path_of, read_request
from cli.session import Session, command
from cli.topic import publish
from cli.waiting import NewRun, ReadTask, wait_for_tasks

P = ParamSpec("P")

EXIT_CODES = """
\b
Exit codes:
  0  done
  1  the task ended, but not COMPLETED; the doctor found a problem
  2  wrong usage
  3  refused: broken fields, wrong key, id in use, no such task
  4  the system cannot be found or does not answer
  5  still active at the end of --timeout
"""


def waits(function: Callable[P, None]) -> Callable[P, None]:
    """Give a command the options of waiting for a task's end."""
    options = (
        click.option("--wait", is_flag=True, help="Wait until the task has ended, showing its progress."),
        click.option("--timeout", "timeout_seconds", default=900.0, show_default=True, help="Seconds to wait."),
        click.option(
            "--download",
            type=click.Path(path_type=Path, file_okay=False),
            help="Save the outputs in this directory; implies --wait.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--environment",
    "environment_name",
    default="local",
    envvar="DARKROOM_ENVIRONMENT",
    show_default=True,
    show_envvar=True,
    help="`local`, or the name of a deployed environment.",
)
@click.option(
    "--state-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".local"),
    envvar="DARKROOM_STATE_DIR",
    show_default=True,
    help="State directory of the local system.",
)
@click.pass_context
def main(context: click.Context, environment_name: str, state_dir: Path) -> None:
    """Generate images with the Stable Diffusion Web UI, asynchronously, on AWS GPUs."""
    context.obj = Session(environment_name=environment_name, state_directory=state_dir)


main.add_command(doctor)
main.add_command(models)


@main.command()
@click.argument("file", type=click.File("rb"))
@click.option("--via", type=click.Choice(["http", "topic"]), default="http", show_default=True, help="The way in.")
@waits
@command
def submit(
    session: Session, file: BinaryIO, via: str, wait: bool, timeout_seconds: float, download: Path | None
) -> None:
    """Submit the task in FILE (`-` reads standard input), in format v1alpha2 or v1alpha1."""
    text = file.read()
    body = read_request(text, source=getattr(file, "name", "standard input"))
    environment = session.environment()
    with ApiClient(environment=environment) as api:
        read_task: ReadTask = api.task
        if via == "topic":
            read_task = NewRun(api=api, task_id=id_of(body))
            answer: dict[str, Any] = {"id_task": id_of(body), "message_id": publish(text, environment=environment)}
        else:
            answer = api.submit(path_of(body), text)
        if wait or download is not None:
            _finish(session, api, answer["id_task"], read_task, timeout_seconds, download)
        else:
            _print(answer)


@main.command()
@click.argument("task_id")
@waits
@command
def status(session: Session, task_id: str, wait: bool, timeout_seconds: float, download: Path | None) -> None:
    """Show the task TASK_ID."""
    with ApiClient(environment=session.environment()) as api:
        if wait or download is not None:
            _finish(session, api, task_id, api.task, timeout_seconds, download)
        else:
            _print(api.task(task_id))


@main.command()
@click.argument("task_id")
@command
def cancel(session: Session, task_id: str) -> None:
    """Cancel the waiting or running task TASK_ID."""
    with ApiClient(environment=session.environment()) as api:
        _print(api.cancel(task_id))


@main.command("list")
@click.option("--runtime", help="Only tasks of this runtime.")
@click.option("--status", "task_status", help="Only tasks in this state, such as IN_QUEUE or FAILED.")
@click.option("--limit", default=20, show_default=True, help="How many at the most.")
@click.option("--next", "next_token", help="Go on where an earlier page ended.")
@click.option("--json", "as_json", is_flag=True, help="Print the page as JSON.")
@command
def list_tasks(
    session: Session, runtime: str | None, task_status: str | None, limit: int, next_token: str | None, as_json: bool
) -> None:
    """List tasks, the newest first."""
    filters = {"runtime": runtime, "status": task_status, "limit": limit, "next": next_token}
    with ApiClient(environment=session.environment()) as api:
        page = api.tasks(**{name: value for name, value in filters.items() if value is not None})
    if as_json:
        _print(page)
        return
    table = Table("id", "runtime", "tasktype", "status", "progress", "submitted", box=None)
    for task in page["tasks"]:
        share = f"{task['progress']:.0%}"
        table.add_row(task["id"], task["runtime"], task["tasktype"], task["status"], share, task["submitted_at"])
    Console().print(table)
    if page.get("next"):
        click.echo(f"more: darkroom list --next {page['next']}", err=True)


def _finish(
    session: Session, api: ApiClient, task_id: str, read_task: ReadTask, timeout_seconds: float, download: Path | None
) -> None:
    ended = wait_for_tasks([task_id], read_task=read_task, timeout_seconds=timeout_seconds, console=session.console)
    task = ended[task_id]
    if download is not None:
        download.mkdir(parents=True, exist_ok=True)
        for output in task["outputs"]:
            path = download / file_name(output["s3_url"])
            api.download(output["url"], path)
            click.echo(f"saved {path}", err=True)
    _print(task)
    if task["status"] != "COMPLETED":
        error = task.get("error") or {}
        raise TaskDidNotComplete(f"{task_id} is {task['status']}: {error.get('message', 'no error was recorded')}")


def _print(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
