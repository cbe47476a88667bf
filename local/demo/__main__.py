"""`make run`: every documented request, by both ways in, from submission to picture, on this machine."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from cli.api_client import ApiClient
from cli.environment import SystemEndpoints, local_environment
from cli.errors import CommandError
from cli.requests import file_name, id_of, path_of
from cli.topic import publish
from cli.waiting import NewRun, ReadTask, wait_for_tasks
from local.demo.documented_requests import DOCUMENTS, FORMATS, documented_request, with_id, with_input_picture
from local.demo.input_server import serve_picture
from local.demo.local_system import DemoFailed, running_system, write_environment
from local.demo.pictures import input_picture, save_contact_sheet

#: Bucket that the demo's `s3://` link points to; its environment names it in `linkBuckets`.
LINK_BUCKET: Final = "darkroom-demo-pictures"
LINK_KEY: Final = "cat.png"
#: Seconds for all tasks together.
TASKS_SECONDS: Final = 300.0
#: Seconds from the last final state to the last callback.
CALLBACK_SECONDS: Final = 30.0

console = Console(stderr=True)


@dataclass(frozen=True)
class Journey:
    """One documented request and the way in that it takes."""

    task_id: str
    request: dict[str, Any]
    way_in: str
    description: str


def journeys(*, http_link: str, s3_link: str) -> Iterator[Journey]:
    """Yield every documented request, in both formats, once for each way in."""
    for document in DOCUMENTS:
        for format_ in FORMATS:
            for way_in, link in (("topic", s3_link), ("http", http_link)):
                task_id = f"{document}-{format_}-{way_in}"
                request = with_id(documented_request(document, format_), task_id)
                if document == "image-to-image":
                    request = with_input_picture(request, link)
                yield Journey(task_id, request, way_in, f"{document}, {format_}, by {way_in}")


def send(journey: Journey, *, api: ApiClient, environment: SystemEndpoints) -> ReadTask:
    """Submit a request by its way in and return how its task is read."""
    body = json.dumps(journey.request).encode()
    if journey.way_in == "topic":
        read_task: ReadTask = NewRun(api=api, task_id=id_of(journey.request))
        publish(body, environment=environment)
        console.print(f"published  {journey.task_id} to the entry topic")
        return read_task
    answer = api.submit(path_of(journey.request), body)
    console.print(f"posted     {journey.task_id}: {json.dumps(answer)}")
    return api.task


def wait_for_callbacks(task_ids: Sequence[str], file: Path) -> None:
    """Print callbacks until every task has had its own."""
    deadline = time.monotonic() + CALLBACK_SECONDS
    missing, printed = set(task_ids), 0
    while missing:
        # The last line may be half written.
        lines = file.read_bytes().rpartition(b"\n")[0].splitlines() if file.exists() else []
        for callback in map(json.loads, lines[printed:]):
            console.print_json(data=callback)
            missing.discard(callback["id"])
        printed = len(lines)
        if missing and time.monotonic() > deadline:
            raise DemoFailed(f"no callback came for: {', '.join(sorted(missing))}")
        time.sleep(0.1)


def save_pictures(ended: dict[str, dict[str, Any]], sent: Sequence[Journey], *, api: ApiClient, folder: Path) -> Path:
    """Download every picture and return the contact sheet of them all."""
    pictures = []
    for journey in sent:
        for output in ended[journey.task_id]["outputs"]:
            path = folder / file_name(output["s3_url"])
            api.download(output["url"], path)
            if path.suffix == ".png":
                pictures.append((journey.description, path))
    sheet = folder / "contact-sheet.png"
    save_contact_sheet(pictures, sheet)
    return sheet


def run(*, out: Path, state_directory: Path) -> None:
    """Run the whole demo; raises DemoFailed or CommandError with a message for the user."""
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    png = input_picture()
    (out / "input.png").write_bytes(png)
    with tempfile.TemporaryDirectory() as temporary, serve_picture(png) as link_host:
        environment_file = Path(temporary) / "local.yaml"
        write_environment(environment_file, link_host=link_host, link_bucket=LINK_BUCKET)
        with running_system(state_directory=state_directory, environment_file=environment_file):
            console.print(f"ready after {time.monotonic() - started:.1f} s")
            environment = local_environment(state_directory)
            put_input_picture(png, environment=environment)
            sheet = show(environment, state_directory=state_directory, link_host=link_host, out=out)
    console.print(
        f"pictures and contact sheet: {out.resolve()}/ ({sheet.name}); {time.monotonic() - started:.1f} s in all"
    )


def put_input_picture(png: bytes, *, environment: SystemEndpoints) -> None:
    """Put the input picture where the `s3://` link points to."""
    s3 = environment.client("s3")
    s3.create_bucket(Bucket=LINK_BUCKET)
    s3.put_object(Bucket=LINK_BUCKET, Key=LINK_KEY, Body=png, ContentType="image/png")


def show(environment: SystemEndpoints, *, state_directory: Path, link_host: str, out: Path) -> Path:
    """Send the requests, wait, print the callbacks and save the pictures; returns the contact sheet."""
    api = ApiClient(environment=environment)
    sent = list(journeys(http_link=f"http://{link_host}/cat.png", s3_link=f"s3://{LINK_BUCKET}/{LINK_KEY}"))
    readers = {journey.task_id: send(journey, api=api, environment=environment) for journey in sent}
    ended = wait_for_tasks(
        list(readers),
        read_task=lambda task_id: readers[task_id](task_id),
        timeout_seconds=TASKS_SECONDS,
        console=console,
    )
    wait_for_callbacks(list(readers), state_directory / "callbacks.jsonl")
    failed = [f"{task_id}: {task['error']}" for task_id, task in ended.items() if task["status"] != "COMPLETED"]
    if failed:
        raise DemoFailed("not every task was completed:\n" + "\n".join(failed))
    return save_pictures(ended, sent, api=api, folder=out)


def main() -> int:
    """Parse the command line and run the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the pictures (default: out)")
    parser.add_argument(
        "--state-dir", type=Path, default=Path(".local/demo"), help="state of the demo's system (default: .local/demo)"
    )
    options = parser.parse_args()
    try:
        run(out=options.out, state_directory=options.state_dir)
    except (DemoFailed, CommandError) as error:
        console.print(f"[bold red]make run failed:[/] {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
