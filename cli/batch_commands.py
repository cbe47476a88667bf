"""`darkroom batch`: many tasks as one."""

from pathlib import Path
from typing import BinaryIO, Final

import click

from cli.environment_options import program_of
from cli.errors import TaskDidNotComplete
from cli.requests import name_options
from cli.session import Session, command, timeout_option
from cli.table import columns
from darkroom import BatchSnapshot, Client, RequestRefused, TaskInBatch
from darkroom.task_request import BatchArguments


@click.group()
def batch() -> None:
    """Submit, watch, cancel and retry batches of up to 1,000 tasks."""


#: Options of a command that may wait.
_WAIT: Final = click.option("--wait", is_flag=True, help="Wait until all tasks have ended, showing their progress.")
_TIMEOUT: Final = timeout_option(3600.0)


@batch.command("submit", short_help="Submit the tasks in a file, as one batch.")
@click.argument("file", type=click.File("rb"))
@click.option("--id", "batch_id", help="Id of the batch; by default a new one.")
@click.option("--expand", is_flag=True, help="Make a task of each choice in prompts: `a {red|blue} star`.")
@click.option("--callback", is_flag=True, help="Publish a callback when the batch has ended.")
@click.option("--webhook", help="Address that receives the end of the batch.")
@_WAIT
@_TIMEOUT
@command
def submit_batch(
    session: Session,
    /,
    file: BinaryIO,
    batch_id: str | None,
    expand: bool,
    callback: bool,
    webhook: str | None,
    wait: bool,
    timeout_seconds: float,
) -> None:
    """Submit the tasks in FILE, one a line or as a JSON array; `-` reads standard input."""
    options = BatchArguments(expand=expand, callback=callback)
    if batch_id:
        options["id"] = batch_id
    if webhook:
        options["webhook"] = webhook
    with session.client() as client:
        found = client.submit_batch(file.read(), **options)
        if wait:
            _finish(session, client, found.id, timeout_seconds)
            return
    session.line(found.id)
    if not session.as_json:
        program = program_of(session.choice)
        session.hint(f"submitted {found.tasks} tasks; see how they go with: {program} batch status {found.id} --wait")
    session.document(found.document)


@batch.command("status")
@click.argument("batch_id")
@_WAIT
@_TIMEOUT
@command
def show_batch(session: Session, batch_id: str, wait: bool, timeout_seconds: float) -> None:
    """Show the batch BATCH_ID."""
    with session.client() as client:
        if wait:
            _finish(session, client, batch_id, timeout_seconds)
        else:
            _show(session, client.get_batch(batch_id))


@batch.command("tasks")
@click.argument("batch_id")
@click.option("--state", help="Only tasks in this state, such as active, failed or refused.")
@click.option(
    "--download",
    type=click.Path(path_type=Path, file_okay=False),
    help="Save the outputs of the completed ones in this directory.",
)
@command
def list_batch_tasks(session: Session, batch_id: str, state: str | None, download: Path | None) -> None:
    """List the tasks of the batch BATCH_ID."""
    with session.client() as client:
        try:
            found = list(client.list_batch_tasks(batch_id, state))
        except RequestRefused as error:
            raise name_options(error) from None
        if download is not None:
            for task in found:
                if task.state == "completed":
                    for path in client.save(client.get(task.id), download):
                        session.hint(f"saved {path}")
    rows = [(str(task.number), task.id, task.state, _reason(task)) for task in found]
    session.line(columns(("NUMBER", "ID", "STATE", "REFUSED BECAUSE"), rows))
    session.document({"tasks": [dict(task.document) for task in found]})


def _reason(task: TaskInBatch) -> str:
    error = task.document.get("error")
    return f"{error['message']} ({error['code']})" if error else ""


@batch.command("cancel")
@click.argument("batch_id")
@command
def cancel_batch(session: Session, batch_id: str) -> None:
    """Cancel the active tasks of the batch BATCH_ID."""
    with session.client() as client:
        _show(session, client.cancel_batch(batch_id))


@batch.command("retry", short_help="Submit the failed tasks of a batch again, as another batch.")
@click.argument("batch_id")
@_WAIT
@_TIMEOUT
@command
def retry_batch(session: Session, batch_id: str, wait: bool, timeout_seconds: float) -> None:
    """Submit again what failed, timed out or was refused in the batch BATCH_ID, as another batch."""
    with session.client() as client:
        retry = client.retry_batch(batch_id)
        if wait:
            _finish(session, client, retry.id, timeout_seconds)
        else:
            _show(session, retry)


@batch.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at the most.")
@command
def list_batches(session: Session, limit: int) -> None:
    """List batches, the newest first."""
    with session.client() as client:
        found = [batch for batch, _ in zip(client.list_batches(), range(limit), strict=False)]
    titles = ("ID", "STATUS", "TASKS", "PROGRESS", "SUBMITTED")
    rows = [
        (each.id, each.status, str(each.tasks), f"{each.progress:.0%}", str(each.document["submitted_at"]))
        for each in found
    ]
    session.line(columns(titles, rows))
    session.document({"batches": [dict(each.document) for each in found]})


def _finish(session: Session, client: Client, batch_id: str, timeout_seconds: float) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    last: BatchSnapshot | None = None
    bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*bar, console=session.console, disable=not session.console.is_terminal) as progress:
        shown = progress.add_task(batch_id, total=None)
        for last in client.watch_batch(batch_id, timeout_seconds=timeout_seconds):
            progress.update(shown, total=last.tasks, completed=last.tasks - last.counts["active"])
            if not session.console.is_terminal:
                session.hint(f"{batch_id}: {last.progress:4.0%} {_counted(last)}")
    assert last is not None  # noqa: S101 - the client yields a batch or raises
    _show(session, last)
    if last.status != "COMPLETED":
        advice = f"see which: {program_of(session.choice)} batch tasks {batch_id}"
        raise TaskDidNotComplete(f"batch {batch_id} is {last.status}: {_counted(last)}; {advice}")


def _show(session: Session, found: BatchSnapshot) -> None:
    document = found.document
    facts = [
        ("id", found.id),
        ("status", found.status),
        ("tasks", f"{found.tasks}: {_counted(found)}"),
        ("retry of", document["retry_of"]),
        ("submitted", document["submitted_at"]),
        ("cancelled", document["cancelled_at"]),
        ("ended", document["completed_at"]),
        ("expected end", document["estimated_end_at"]),
    ]
    session.line(columns((), [(name, value) for name, value in facts if value]))
    session.document(document)


def _counted(found: BatchSnapshot) -> str:
    return ", ".join(f"{number} {state.replace('_', ' ')}" for state, number in found.counts.items() if number)
