"""Web UI that draws plain images: one first-in-first-out lock, held for a chosen time, and the real one's answers."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from stub_webui.fields import NUMBERS, decoded, is_number, not_a_number
from stub_webui.journal import GenerationJournal, GenerationStep
from stub_webui.png_images import text_of, upscaled
from stub_webui.run import StubRun, draw_small, encoded_answer
from stub_webui.service import Reply, StubService, failure
from stub_webui.start import StubStart
from stub_webui.violations import VIOLATIONS_PATH, violations_in

Json = dict[str, Any]
#: Path of the number of checkpoint switches so far.
SWITCHES: Final = "/switches"
#: Folder with an input image for every task, for image-to-image.
LINKS: Final = "/links/"
#: Checkpoint that the stub has loaded at its start.
CHECKPOINT: Final = "v1-5-pruned-emaonly.safetensors"


@dataclass
class StubWebUi:
    """State and behaviour. A test may change the attributes at any time."""

    seconds_per_step: float = 0.01
    #: Seconds of the whole generation; replaces `seconds_per_step` if it is set.
    seconds_per_picture: float | None = None
    #: Seconds of work after the lock is released: the real one encodes its images then. The stub only waits, because
    #: a benchmark measures the agent and not this machine's processor.
    encoding_seconds: float = 0.0
    #: Seconds for which a switch of the checkpoint holds the lock.
    switch_seconds: float = 0.0
    #: Seconds until an input image is answered.
    link_seconds: float = 0.0
    checkpoints: list[str] = field(default_factory=lambda: [CHECKPOINT])
    #: Runs with path and body before every request; a reply that it returns is sent instead of the stub's answer.
    intercept: Callable[[str, Json], Reply | None] = lambda _path, _body: None
    ready: bool = True
    #: Answers while the process starts, if it is one.
    start: StubStart | None = None
    #: Preview of a running generation in the answer of `progress`, base64.
    preview: str | None = None
    #: Returns True while a run hangs at a step; interrupts do not reach it there.
    hangs: Callable[[StubRun, int], bool] = lambda _run, _step: False
    #: Number of coming answers of generations that break off in the middle.
    broken_answers: int = 0
    #: File with the options, which survive the process.
    settings_file: Path | None = None
    #: Returns the image of a run with this number.
    draw: Callable[[StubRun, int], bytes] = draw_small
    journal: GenerationJournal | None = None

    def __post_init__(self) -> None:
        """Start idle."""
        self.service = StubService(checkpoints=self.checkpoints, settings_file=self.settings_file)
        self.runs: list[StubRun] = []
        self.calls: list[tuple[str, str]] = []
        self.bodies: list[tuple[str, Json]] = []
        #: Hostile arguments that reached the stub.
        self.violations: list[str] = []
        self.switches: list[str] = []
        self.interrupts: list[float] = []
        self.connections: set[socket.socket] = set()
        self._turn_lock = threading.Lock()
        self._last_turn = threading.Event()
        self._last_turn.set()
        self._interrupted = threading.Event()
        self._step, self._steps, self._job, self._timestamp = 0, 0, "", 0.0
        self._job_number, self._job_count = 0, 0

    def cut_connections(self) -> None:
        """Close every connection. A running generation goes on, as in the real one."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def runs_of(self, prompt: str) -> list[StubRun]:
        """Return the generations of this prompt."""
        return [run for run in self.runs if run.prompt == prompt]

    def lists_asked(self) -> Counter[str]:
        """Return how often each list, and the options, were requested."""
        paths = [path.removeprefix("/sdapi/v1/") for method, path in self.calls if method == "GET"]
        return Counter(path for path in paths if path != "progress")

    def answer(self, method: str, path: str, body: Json) -> Reply:
        """Answer one request."""
        path = path.partition("?")[0]
        self.calls.append((method, path))
        self.violations += violations_in(body)
        if not self.ready:
            return 404, {"detail": "Not Found"}
        early = self.start.intercept(path) if self.start else None
        if (reply := early or self.intercept(path, body)) is not None:
            return reply
        if handler := _ROUTES.get((method, path)):
            return handler(self, body)
        if path.startswith(LINKS):
            time.sleep(self.link_seconds)
            return 200, self.draw(StubRun("link", {}, self.service.loaded, time.monotonic()), 0)
        name = path.removeprefix("/sdapi/v1/")
        if method == "POST" and name.startswith("refresh-"):
            return self.service.refresh(name)
        return self.service.list(name) or (404, {"detail": "Not Found"})

    def generate(self, body: Json) -> Reply:
        """Hold the lock for the steps, then encode."""
        self.bodies.append(("generate", body))
        if problems := [not_a_number(name) for name in NUMBERS if not is_number(body.get(name, 0))]:
            return 422, {"detail": problems}
        for image in body.get("init_images") or ():
            if decoded(image) is None:
                return failure("HTTPException", detail="Invalid encoded image")
        generation = uuid4().hex
        self._record(GenerationStep.ARRIVED, generation, str(body.get("prompt")))
        with self._lock():
            self._begin("scripts_txt2img")
            self._record(GenerationStep.ACQUIRED, generation)
            try:
                run = self._run(body)
            except (KeyError, TypeError) as error:
                return failure(type(error).__name__, str(error))
            finally:
                self._job = ""
                self._record(GenerationStep.RELEASED, generation)
        # As the real one: the images are encoded after the lock, by the options of that moment.
        time.sleep(self.encoding_seconds)
        reply = 200, encoded_answer(run, draw=self.draw, samples_format=self.service.options["samples_format"])
        self._record(GenerationStep.ANSWERED, generation)
        return reply

    def progress(self, _body: Json) -> Reply:
        """Return the progress of the running generation."""
        running = bool(self._job)
        fraction = (self._job_number + self._step / max(self._steps, 1)) / self._job_count if running else 0.0
        state = {
            "job": self._job,
            "job_count": self._job_count if running else 0,
            "job_no": self._job_number if running else 0,
            "job_timestamp": str(self._timestamp),
            "sampling_step": self._step,
            "sampling_steps": self._steps,
            "interrupted": self._interrupted.is_set(),
            "skipped": False,
        }
        eta_seconds = (time.monotonic() - self._timestamp) * (1 / fraction - 1) if fraction else 0.0
        return 200, {
            "progress": fraction,
            "eta_relative": eta_seconds,
            "state": state,
            "current_image": self.preview if running else None,
            "textinfo": None,
        }

    def interrupt(self, _body: Json) -> Reply:
        """Interrupt the running generation, of whichever client."""
        self._interrupted.set()
        self.interrupts.append(time.monotonic())
        return 200, {}

    def options(self, _body: Json) -> Reply:
        """Show all options."""
        return self.service.show()

    def set_options(self, body: Json) -> Reply:
        """Switch the checkpoint inside the lock; set everything else at once."""
        values = dict(body)
        wanted = str(values.pop("sd_model_checkpoint", self.service.loaded)).partition(" [")[0]
        if wanted and wanted not in self.checkpoints:
            return failure("RuntimeError", f"model '{wanted}' not found")
        if wanted != self.service.loaded:
            with self._lock():
                time.sleep(self.switch_seconds)
                self.switches.append(wanted)
                self.service.loaded = wanted
        return self.service.set(values) if values else (200, None)

    def upscale(self, body: Json) -> Reply:
        """Return each image, one after the other inside the lock. An interrupt leaves out the rest."""
        self.bodies.append(("upscale", body))
        pictures = [image["data"] for image in body["imageList"]] if "imageList" in body else [body["image"]]
        done: list[str] = []
        with self._lock():
            self._begin("extras")
            for picture in pictures:
                if self._interrupted.is_set():
                    break
                time.sleep(self.seconds_per_step)
                done.append(upscaled(picture, body))
            self._job = ""
        if "imageList" in body:
            return 200, {"html_info": "<p></p>", "images": done}
        if not done:
            return failure("IndexError", "list index out of range")
        return 200, {"html_info": "<p></p>", "image": done[0]}

    def interrogate(self, body: Json) -> Reply:
        """Describe an image."""
        self.bodies.append(("interrogate", body))
        return 200, {"caption": "a drawing of nothing"}

    def png_info(self, body: Json) -> Reply:
        """Read an image's text."""
        self.bodies.append(("png-info", body))
        text = text_of(body.get("image")) or "a cat"
        return 200, {"info": text, "items": {}, "parameters": {"Prompt": text.partition("\n")[0]}}

    def count_switches(self, _body: Json) -> Reply:
        """Return how often the checkpoint was switched."""
        return 200, len(self.switches)

    def recorded_violations(self, _body: Json) -> Reply:
        """Return the hostile arguments that reached the stub."""
        return 200, self.violations

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the lock, first come first served."""
        turn = threading.Event()
        with self._turn_lock:
            before, self._last_turn = self._last_turn, turn
        before.wait()
        try:
            yield
        finally:
            turn.set()

    def _begin(self, job: str) -> None:
        self._interrupted.clear()
        self._job_number, self._job_count, self._step = 0, 1, 0
        self._job, self._timestamp = job, time.monotonic()

    def _run(self, body: Json) -> StubRun:
        overrides, options = dict(body.get("override_settings") or {}), self.service.options
        remembered = options.remember(overrides)
        try:
            for name, value in overrides.items():
                options.set(name, value)
            run = StubRun(str(body.get("prompt", "")), body, self.service.loaded, time.monotonic())
            run.clip_skip = abs(-options["CLIP_stop_at_last_layers"])
            run.sampler = self.service.sampler_of(body.get("sampler_name") or body.get("sampler_index") or "Euler")
            self.runs.append(run)
            self._sample(run)
            run.ended_at = time.monotonic()
            return run
        finally:
            if body.get("override_settings_restore_afterwards", True):
                options.restore(remembered)

    def _sample(self, run: StubRun) -> None:
        step_ends_at, steps = run.started_at, run.steps
        self._job_count = int(run.body.get("n_iter", 1))
        for self._job_number in range(self._job_count):  # noqa: B020 - `progress` reads it meanwhile
            self._step = 0
            # `sampling_steps` of an earlier run stays until the first step, as in the real one.
            while self._step < steps and not self._interrupted.is_set():
                while self.hangs(run, self._step):
                    time.sleep(self.seconds_per_step)
                    step_ends_at = time.monotonic()
                # Deadlines instead of pauses: the delay of a step is not added to the generation.
                whole = self.seconds_per_picture
                step_ends_at += self.seconds_per_step if whole is None else whole / steps / self._job_count
                self._interrupted.wait(max(step_ends_at - time.monotonic(), 0))
                self._step, self._steps = self._step + 1, steps
        run.interrupted = self._interrupted.is_set()

    def _record(self, step: GenerationStep, generation: str, prompt: str = "") -> None:
        if self.journal:
            self.journal.record(step, generation=generation, prompt=prompt)


_ROUTES: Final[dict[tuple[str, str], Callable[[StubWebUi, Json], Reply]]] = {
    ("POST", "/sdapi/v1/txt2img"): StubWebUi.generate,
    ("POST", "/sdapi/v1/img2img"): StubWebUi.generate,
    ("POST", "/sdapi/v1/extra-single-image"): StubWebUi.upscale,
    ("POST", "/sdapi/v1/extra-batch-images"): StubWebUi.upscale,
    ("POST", "/sdapi/v1/interrogate"): StubWebUi.interrogate,
    ("POST", "/sdapi/v1/png-info"): StubWebUi.png_info,
    ("GET", "/sdapi/v1/progress"): StubWebUi.progress,
    ("POST", "/sdapi/v1/interrupt"): StubWebUi.interrupt,
    ("GET", "/sdapi/v1/options"): StubWebUi.options,
    ("POST", "/sdapi/v1/options"): StubWebUi.set_options,
    ("GET", SWITCHES): StubWebUi.count_switches,
    ("GET", VIOLATIONS_PATH): StubWebUi.recorded_violations,
}
