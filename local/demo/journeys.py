"""Journeys of the demo: each documented request, by each way in, from its submission to its saved images."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from cli.api_client import ApiClient
from cli.errors import Unreachable, WaitedTooLong
from cli.requests import file_name, id_of, path_of
from cli.waiting import NewRun, ReadTask, wait_for_tasks
from local.demo.documented_requests import DOCUMENTS, FORMATS, documented_request, with_id, with_input_picture
from local.demo.image_size import FIRST, PRINTED, ImageSize, size_for
from local.demo.local_system import DemoFailed
from local.demo.output import console, say
from local.demo.pictures import ShownImage, save_contact_sheet

T = TypeVar("T")

#: Seconds without any change: of a task, of the callbacks, or of the answers to one call. The longest silence is the
#: load of a model on a busy machine.
STALL_SECONDS: Final = 300.0
#: Seconds between two attempts of a call that found the system too busy to answer.
PAUSE_SECONDS: Final = 0.5
CONTACT_SHEET: Final = "contact-sheet.png"
#: The first image waits for the model. The second one shows how fast the machine is.
_FIRST_PROMPTS: Final = {
    "first-image": "a red circle left of a green square",
    "second-image": "a yellow star above a blue boat",
}


@dataclass(frozen=True)
class Journey:
    """One documented request and the way in that it takes."""

    task_id: str
    request: dict[str, Any]
    way_in: str
    description: str

    @property
    def prompt(self) -> str:
        """The prompt of the request, in whichever format it is."""
        content = self.request["task"]["content"] if "task" in self.request else self.request
        return str(content["prompt"])


def small_journey(task_id: str, prompt: str) -> Journey:
    """Return a small request, whose image shows soon that everything works."""
    request = FIRST.applied(with_id(documented_request("text-to-image", "v1alpha2"), task_id))
    request["task"]["content"]["prompt"] = prompt
    return Journey(task_id, request, "http", f"{task_id}, {FIRST}")


def documented_journeys(*, http_link: str, s3_link: str, size: ImageSize) -> Iterator[Journey]:
    """Yield every documented request, in both formats, once for each way in."""
    for document in DOCUMENTS:
        for format_ in FORMATS:
            for way_in, link in (("topic", s3_link), ("http", http_link)):
                task_id = f"{document}-{format_}-{way_in}"
                request = with_id(documented_request(document, format_), task_id)
                if size != PRINTED:
                    request = size.applied(request)
                if document == "image-to-image":
                    request = with_input_picture(request, link)
                yield Journey(task_id, request, way_in, f"{document}, {format_}, by {way_in}")


class Demo:
    """Sends requests to a running system, and saves each image as soon as its task is completed."""

    def __init__(
        self,
        *,
        api: ApiClient,
        publish: Callable[[bytes], str],
        callbacks: Path,
        out: Path,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._api = api
        self._publish = publish
        self._callbacks = callbacks
        self._out = out
        self._stall_seconds = stall_seconds
        self._images: list[ShownImage] = []

    @property
    def saved(self) -> int:
        """The number of images that are saved."""
        return len(self._images)

    def run(self, *, http_link: str, s3_link: str, size: ImageSize | None) -> None:
        """Send two small requests, then the documented ones; raise DemoFailed or CommandError."""
        try:
            milliseconds = [
                self._complete([small_journey(name, prompt)])[name]["execution_ms"]
                for name, prompt in _FIRST_PROMPTS.items()
            ]
            if size is None:
                size = _affordable_size(milliseconds[-1] / 1000)
            self._complete(list(documented_journeys(http_link=http_link, s3_link=s3_link, size=size)))
        finally:
            # A run that fails shows what it has.
            if self._images:
                save_contact_sheet(self._images, self._out / CONTACT_SHEET)

    def _complete(self, journeys: Sequence[Journey]) -> dict[str, dict[str, Any]]:
        by_id = {journey.task_id: journey for journey in journeys}
        readers = {journey.task_id: self._send(journey) for journey in journeys}

        def save(task_id: str, task: dict[str, Any]) -> None:
            self._save(by_id[task_id], task)

        ended = wait_for_tasks(
            list(readers),
            read_task=lambda task_id: readers[task_id](task_id),
            console=console,
            stall_seconds=self._stall_seconds,
            on_end=save,
        )
        self._show_callbacks(set(readers))
        failed = [f"{task_id}: {task['error']}" for task_id, task in ended.items() if task["status"] != "COMPLETED"]
        if failed:
            raise DemoFailed("some tasks were not completed:\n" + "\n".join(failed))
        return ended

    def _send(self, journey: Journey) -> ReadTask:
        """Submit a request by its way in and return how its task is read."""
        body = json.dumps(journey.request).encode()
        if journey.way_in == "topic":
            arrival = self._repeat(
                partial(NewRun, api=self._api, task_id=id_of(journey.request), arrival_seconds=self._stall_seconds)
            )
            self._repeat(partial(self._publish, body))
            say(f"published {journey.task_id} to the entry topic")
            return _Patient(arrival)
        answer = self._repeat(partial(self._api.submit, path_of(journey.request), body))
        say(f"posted {journey.task_id}: {json.dumps(answer)}")
        return _Patient(self._api.task)

    def _repeat(self, call: Callable[[], T]) -> T:
        """Return what `call` returns, and repeat it while the system is too busy to answer."""
        deadline = time.monotonic() + self._stall_seconds
        while True:
            try:
                return call()
            except Unreachable as error:
                if time.monotonic() > deadline:
                    raise
                say(f"once more, because {error}")
                time.sleep(PAUSE_SECONDS)

    def _save(self, journey: Journey, task: dict[str, Any]) -> None:
        for output in task.get("outputs") or ():
            path = self._out / file_name(output["s3_url"])
            self._repeat(partial(self._api.download, output["url"], path))
            if path.suffix == ".png":
                self._images.append(ShownImage(path, prompt=journey.prompt, description=journey.description))
                say(f"saved {path}")

    def _show_callbacks(self, missing: set[str]) -> None:
        """Print the callback of each task; fail when no further one comes."""
        deadline = time.monotonic() + self._stall_seconds
        shown = 0
        while missing:
            # The last line may be half written.
            content = self._callbacks.read_bytes() if self._callbacks.exists() else b""
            lines = content.rpartition(b"\n")[0].splitlines()
            for callback in map(json.loads, lines[shown:]):
                if callback["id"] in missing:
                    say(f"callback {json.dumps(callback)}")
                    missing.discard(callback["id"])
                    deadline = time.monotonic() + self._stall_seconds
            shown = len(lines)
            if missing and time.monotonic() > deadline:
                raise WaitedTooLong(f"no callback came for: {', '.join(sorted(missing))}")
            time.sleep(0.1)


class _Patient:
    """Reads a task; a busy machine that does not answer counts as a task without progress."""

    def __init__(self, read_task: ReadTask) -> None:
        self._read_task = read_task
        self._last: dict[str, Any] = {"status": "SENT", "progress": 0}

    def __call__(self, task_id: str) -> dict[str, Any]:
        with contextlib.suppress(Unreachable):
            self._last = self._read_task(task_id)
        return self._last


def _affordable_size(seconds: float) -> ImageSize:
    images = len(DOCUMENTS) * len(FORMATS) * 2
    size = size_for(seconds, images=images)
    if size == PRINTED:
        say(f"The second image took {seconds:.1f} s, so the documented requests are sent as they are printed.")
    else:
        say(
            f"The second image took {seconds:.1f} s, so the documented requests are sent with {size} instead of"
            f" {PRINTED}. To send them as they are printed: {command(PRINTED)}"
        )
    return size


def command(size: ImageSize) -> str:
    """Return the command that runs the demo with a size."""
    return f'make run OPTIONS="--size {size.side} --steps {size.steps}"'
