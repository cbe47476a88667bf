"""Journeys of the demo: each documented request, by each way in, from its submission to its saved images."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cli.errors import WaitedTooLong
from cli.requests import id_of
from cli.waiting import Arrival, show_until_the_end
from darkroom import Client, TaskSnapshot
from lambdas.batch_api.batch_request import with_id
from local.demo.documented_requests import (
    DOCUMENTS,
    FORMATS,
    documented_request,
    documented_workflow,
    with_input_picture,
)
from local.demo.image_size import FIRST, PRINTED, ImageSize, size_for
from local.demo.local_system import DemoFailed
from local.demo.output import console, say
from local.demo.pictures import ShownImage, save_contact_sheet

#: Seconds without any change: of a task, of the callbacks, or of the answers to one call. The longest silence is the
#: load of a model on a busy machine.
STALL_SECONDS: Final = 300.0
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
        texts = (node["inputs"].get("text") for node in content.values() if isinstance(node, dict))
        return str(content["prompt"] if "prompt" in content else next(filter(None, texts), ""))


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
    # The workflow goes as it is printed, whatever the size of the others, because programs send it so today.
    verbatim = documented_workflow()
    yield Journey(id_of(verbatim), verbatim, "topic", "workflow of ComfyUI, v1alpha2, by topic")
    workflow = size.applied(with_id(verbatim, "workflow-v1alpha2-http"))
    yield Journey(id_of(workflow), workflow, "http", "workflow of ComfyUI, v1alpha2, by http")


@dataclass(kw_only=True, eq=False)
class Demo:
    """Sends requests to a running system, and saves each image as soon as its task is completed."""

    client: Client
    publish: Callable[[bytes], str]
    callbacks: Path
    out: Path
    stall_seconds: float = STALL_SECONDS
    _images: list[ShownImage] = field(default_factory=list, init=False)

    @property
    def saved(self) -> int:
        """The number of images that are saved."""
        return len(self._images)

    def run(self, *, http_link: str, s3_link: str, size: ImageSize | None) -> None:
        """Send two small requests, then the documented ones; raise DemoFailed or CommandError."""
        try:
            milliseconds = [
                self._complete([small_journey(name, prompt)])[name].execution_ms or 0
                for name, prompt in _FIRST_PROMPTS.items()
            ]
            if size is None:
                size = _affordable_size(milliseconds[-1] / 1000)
            self._complete(list(documented_journeys(http_link=http_link, s3_link=s3_link, size=size)))
        finally:
            # A run that fails shows what it has.
            if self._images:
                save_contact_sheet(self._images, self.out / CONTACT_SHEET)

    def _complete(self, journeys: Sequence[Journey]) -> dict[str, TaskSnapshot]:
        by_id = {journey.task_id: journey for journey in journeys}
        arrivals = [arrival for journey in journeys if (arrival := self._send(journey))]
        for arrival in arrivals:
            arrival.wait()
        ended = show_until_the_end(
            self.client.watch(*by_id, stall_seconds=self.stall_seconds),
            console=console,
            on_end=lambda task: self._save(by_id[task.id], task),
        )
        self._show_callbacks(set(by_id))
        failed = [f"{task_id}: {task.document['error']}" for task_id, task in ended.items() if not task.is_completed]
        if failed:
            raise DemoFailed("some tasks were not completed:\n" + "\n".join(failed))
        return ended

    def _send(self, journey: Journey) -> Arrival | None:
        """Submit a request by its way in, and return the arrival to wait for."""
        if journey.way_in == "topic":
            task_id = id_of(journey.request)
            arrival = Arrival(client=self.client, task_id=task_id, arrival_seconds=self.stall_seconds)
            self.publish(json.dumps(journey.request).encode())
            say(f"published {journey.task_id} to the entry topic")
            return arrival
        accepted = self.client.submit_request(journey.request)
        say(f"posted {journey.task_id}: {json.dumps(accepted.document)}")
        return None

    def _save(self, journey: Journey, task: TaskSnapshot) -> None:
        for path in self.client.save(task, self.out):
            if path.suffix == ".png":
                self._images.append(ShownImage(path, prompt=journey.prompt, description=journey.description))
                say(f"saved {path}")

    def _show_callbacks(self, missing: set[str]) -> None:
        """Print the callback of each task; fail when no further one comes."""
        deadline = time.monotonic() + self.stall_seconds
        shown = 0
        while missing:
            # The last line may be half written.
            content = self.callbacks.read_bytes() if self.callbacks.exists() else b""
            lines = content.rpartition(b"\n")[0].splitlines()
            for callback in map(json.loads, lines[shown:]):
                if callback["id"] in missing:
                    say(f"callback {json.dumps(callback)}")
                    missing.discard(callback["id"])
                    deadline = time.monotonic() + self.stall_seconds
            shown = len(lines)
            if missing and time.monotonic() > deadline:
                raise WaitedTooLong(f"no callback came for: {', '.join(sorted(missing))}")
            time.sleep(0.1)


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
