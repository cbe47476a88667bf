"""`darkroom submit`, `status`, `cancel`, `retry` and `list`."""

import json
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, ParamSpec, Unpack

import click
from click.core import ParameterSource

from cli.environment import SystemEndpoints
from cli.environment_options import program_of
from cli.errors import WrongUsage
from cli.requests import PromptOptions, id_of, is_workflow, name_options, read_request, workflow_request
from cli.session import Session, command, timeout_option
from cli.table import columns
from darkroom import Client, RequestRefused
from darkroom.task_request import ListFilters

P = ParamSpec("P")


class PictureSize(click.ParamType[tuple[int, int]]):
    """Width and height, such as 512x768."""

    name = "WIDTHxHEIGHT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Return width and height."""
        width, _, height = str(value).lower().partition("x")
        try:
            return int(width), int(height)
        except ValueError:
            self.fail(f"is {value!r}; write width and height, for example 512x768", param, ctx)


def waits(function: Callable[P, None]) -> Callable[P, None]:
    """Give a command the options of waiting for a task's end."""
    options = (
        click.option("--wait", is_flag=True, help="Wait until the task has ended, showing its progress."),
        timeout_option(900.0),
        click.option(
            "--download",
            type=click.Path(path_type=Path, file_okay=False),
            help="Save the outputs in this directory; implies --wait.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--prompt", help="Prompt of a task that is made of options instead of FILE.")
@click.option("--negative", help="What the picture must not show.")
@click.option("--size", type=PictureSize(), help="Size in pixels, such as 512x768.")
@click.option("--steps", type=int, help="Sampling steps.")
@click.option("--seed", type=int, help="Seed; the same request with the same seed makes the same picture.")
@click.option("--model", help="Checkpoint, for a runtime that accepts any.")
@click.option("--runtime", envvar="DARKROOM_RUNTIME", show_envvar=True, help="Runtime; `sdruntime` by default.")
@click.option("--id", help="Id of the task; by default a new one.")
@click.option(
    "--input",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Picture to start from, or file that a workflow names; uploaded.",
)
@click.option("--via", type=click.Choice(["http", "topic"]), default="http", show_default=True, help="The way in.")
@waits
@command
def submit(
    session: Session,
    /,
    file: BinaryIO | None,
    via: str,
    wait: bool,
    timeout_seconds: float,
    download: Path | None,
    **options: Any,
) -> None:
    """Submit a task: FILE, or --prompt and what belongs to it.

    FILE has format v1alpha2 or v1alpha1, or is a workflow of ComfyUI; `-` reads standard input. --runtime, --id and
    --input belong to a workflow, too. Prints the task's id, with --wait the task.
    """
    prompt = PromptOptions(**options)
    if file is None and prompt.prompt is None:
        raise WrongUsage(
            'what should be made? Write --prompt "A dog", or the FILE of a task (`-` reads standard input)'
        )
    if file is not None:
        _check_usage(prompt, {"--runtime", "--id", "--input"})
    environment = session.environment()
    with session.client(environment) as client:
        if file is not None:
            text = file.read()
            name = getattr(file, "name", "<stdin>")
            body = read_request(text, source="standard input" if name == "<stdin>" else name)
            if is_workflow(body):
                body = workflow_request(body, prompt, client)
                text = json.dumps(body).encode()
            else:
                source = click.get_current_context().get_parameter_source("runtime")
                # DARKROOM_RUNTIME is the default of other commands; a task in a file names its own.
                _check_usage(prompt, set() if source is ParameterSource.COMMANDLINE else {"--runtime"})
        else:
            body = prompt.request(client)
            text = json.dumps(body).encode()
        if via == "topic":
            answer = _publish(environment, client, id_of(body), text, wait=wait or download is not None)
        else:
            try:
                accepted = client.submit_request(text)
            except RequestRefused as error:
                raise (error if file is not None else name_options(error)) from None
            answer = dict(accepted.document)
            if accepted.unknown_fields:
                session.hint(f"unknown fields, which are passed on as they are: {', '.join(accepted.unknown_fields)}")
        if wait or download is not None:
            _finish(session, client, answer["id_task"], timeout_seconds, download)
            return
    refused = "; if it is refused, only a callback says so" if via == "topic" else ""
    _show_accepted(session, answer, f"submitted{refused}")


@click.command()
@click.argument("task_id")
@waits
@command
def retry(session: Session, task_id: str, wait: bool, timeout_seconds: float, download: Path | None) -> None:
    """Run the task TASK_ID again, which failed or timed out."""
    with session.client() as client:
        answer = client.retry(task_id).document
        if wait or download is not None:
            _finish(session, client, task_id, timeout_seconds, download)
            return
    _show_accepted(session, answer, "submitted again")


def _show_accepted(session: Session, answer: Mapping[str, Any], what_happened: str) -> None:
    session.line(answer["id_task"])
    if not session.as_json:
        session.hint(
            f"{what_happened}; see how it goes with: {program_of(session.choice)} status {answer['id_task']} --wait"
        )
    session.document(answer)


def _publish(environment: SystemEndpoints, client: Client, task_id: str, text: bytes, *, wait: bool) -> dict[str, Any]:
    """Publish a request to the entry topic; with `wait`, also wait until the task is recorded."""
    from cli.topic import publish
    from cli.waiting import Arrival

    arrival = Arrival(client=client, task_id=task_id) if wait else None
    answer = {"id_task": task_id, "message_id": publish(text, environment=environment)}
    if arrival is not None:
        arrival.wait()
    return answer


def _check_usage(prompt: PromptOptions, allowed: Collection[str]) -> None:
    """Refuse the options of a task without a file, except the allowed ones."""
    written = [option for option in prompt.given() if option not in allowed]
    if written:
        raise WrongUsage(f"FILE and {', '.join(written)} exclude each other; write the values into the file")


@click.command()
@click.argument("task_id")
@waits
@command
def status(session: Session, task_id: str, wait: bool, timeout_seconds: float, download: Path | None) -> None:
    """Show the task TASK_ID."""
    with session.client() as client:
        if wait or download is not None:
            _finish(session, client, task_id, timeout_seconds, download)
        else:
            _show(session, client.get(task_id).document)


@click.command()
@click.argument("task_id")
@command
def cancel(session: Session, task_id: str) -> None:
    """Cancel the waiting or running task TASK_ID."""
    with session.client() as client:
        _show(session, client.cancel(task_id).document)


@click.command("list")
@click.option("--runtime", help="Only tasks of this runtime.")
@click.option("--status", help="Only tasks in this state, such as IN_QUEUE or FAILED.")
@click.option("--text", help="Only tasks with this text in their id or in the beginning of their prompt.")
@click.option("--sent-by", "key", help="Only tasks of the key with this name; for a key that sees the tasks of others.")
@click.option("--limit", default=20, show_default=True, help="How many at the most.")
@click.option("--next", help="Go on where an earlier page ended.")
@command
def list_tasks(session: Session, /, **filters: Unpack[ListFilters]) -> None:
    """List tasks, the newest first."""
    with session.client() as client:
        try:
            page = client.page(**filters).document
        except RequestRefused as error:
            raise name_options(error) from None
    titles = ("ID", "RUNTIME", "TYPE", "STATUS", "PROGRESS", "SUBMITTED")
    session.line(columns(titles, [_row(task) for task in page["tasks"]]))
    session.document(page)
    if page.get("next") and not session.as_json:
        names = {"key": "sent-by"}
        given = [(names.get(name, name), str(value)) for name, value in filters.items() if value is not None]
        options = shlex.join(word for name, value in given if name != "next" for word in (f"--{name}", value))
        session.hint(f"more: {program_of(session.choice)} list {options} --next {page['next']}")


def _row(task: Mapping[str, Any]) -> Sequence[str]:
    share = f"{task['progress']:.0%}"
    return task["id"], task["runtime"], task["tasktype"], task["status"], share, task["submitted_at"]


def _finish(session: Session, client: Client, task_id: str, timeout_seconds: float, download: Path | None) -> None:
    from cli.waiting import show_until_the_end

    changes = client.watch(task_id, timeout_seconds=timeout_seconds)
    (task,) = show_until_the_end(changes, console=session.console).values()
    for path in client.save(task, download) if download is not None else ():
        session.hint(f"saved {path}")
    _show(session, task.document)
    task.raise_for_status()


def _show(session: Session, task: Mapping[str, Any]) -> None:
    """Print a task: for people its facts, one a line."""
    error = task.get("error")
    progress = f" ({task['progress']:.0%})" if task["status"] == "IN_PROGRESS" else ""
    facts = [
        ("id", task["id"]),
        ("status", f"{task['status']}{progress}"),
        ("runtime", task["runtime"]),
        ("type", task["tasktype"]),
        ("submitted", task["submitted_at"]),
        ("place", task.get("queue_position")),
        ("may start", task.get("estimated_start_at")),
        ("started", task.get("started_at")),
        ("ended", task.get("completed_at")),
        ("error", f"{error['message']} ({error['code']})" if error else None),
        *(("output", output["s3_url"]) for output in task["outputs"]),
    ]
    session.line(columns((), [(name, str(value)) for name, value in facts if value]))
    session.document(task)
