"""A Web UI for tests: one first-in-first-out lock held for a chosen time, and answers in the real one's shapes.

It draws nothing: its pictures are small PNGs that name their request in a text chunk.
"""

import base64
import binascii
import json
import socket
import struct
import threading
import time
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.integration.agent.stand_in_service import StandInService
from tests.serving import QuietHandler, serving

#: What a JPEG begins with, up to its data, and ends with.
JPEG_MARKERS = b"\xff\xd8\xff\xda", b"\xff\xd9"
Json = dict[str, Any]
#: Status and body.
Reply = tuple[int, Any]


@dataclass
class Run:
    """One generation as the Web UI saw it."""

    prompt: str
    body: Json
    checkpoint: str
    started_at: float
    ended_at: float = 0.0
    interrupted: bool = False
    clip_skip: int = 0


@dataclass
class StandInWebUi:
    """State and behaviour; change the attributes at any time."""

    seconds_per_step: float = 0.01
    #: Seconds of work after the lock is released, as the real one encodes its pictures.
    encoding_seconds: float = 0.0
    checkpoints: list[str] = field(default_factory=lambda: ["v1-5-pruned-emaonly.safetensors"])
    #: Called with path and body before anything else; a reply it returns is sent, None goes on.
    intercept: Callable[[str, Json], Reply | None] = lambda _path, _body: None
    ready: bool = True
    #: What `progress` gives as the picture so far, base64.
    preview: str | None = None
    #: Tells whether a run stands still at a step; interrupts do not reach it there.
    hangs: Callable[[Run, int], bool] = lambda _run, _step: False
    #: So many answers to come, of generations, end in the middle.
    broken_answers: int = 0
    #: Where options are kept from one life to the next.
    settings_file: Path | None = None
    #: Makes the picture of a prompt.
    picture: Callable[[str], bytes] = field(default_factory=lambda: png)

    def __post_init__(self) -> None:
        self.service = StandInService(checkpoints=self.checkpoints, settings_file=self.settings_file)
        self.runs: list[Run] = []
        self.calls: list[tuple[str, str]] = []
        self.bodies: list[tuple[str, Json]] = []
        self.switches: list[str] = []
        self.interrupts: list[float] = []
        self.connections: set[socket.socket] = set()
        self._turns: deque[object] = deque()
        self._turn_changed = threading.Condition()
        self._interrupted = False
        self._step, self._steps, self._job, self._timestamp = 0, 0, "", 0.0

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serve on 127.0.0.1 and give the base URL."""
        with _server(self, port) as url:
            yield url

    def cut_connections(self) -> None:
        """Close every connection; what runs goes on, as it does in the real one."""
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def runs_of(self, prompt: str) -> list[Run]:
        """Return the generations of this prompt."""
        return [run for run in self.runs if run.prompt == prompt]

    def lists_asked(self) -> Counter[str]:
        """Return how often each list, and the options, were asked for."""
        paths = [path.removeprefix("/sdapi/v1/") for method, path in self.calls if method == "GET"]
        return Counter(path for path in paths if path != "progress")

    def answer(self, method: str, path: str, body: Json) -> Reply:
        """Answer one request."""
        path = path.partition("?")[0]
        self.calls.append((method, path))
        if not self.ready:
            return 404, {"detail": "Not Found"}
        if (reply := self.intercept(path, body)) is not None:
            return reply
        if handler := _ROUTES.get((method, path)):
            return handler(self, body)
        name = path.removeprefix("/sdapi/v1/")
        if method == "POST" and name.startswith("refresh-"):
            return self.service.refresh(name)
        return self.service.list(name) or (404, {"detail": "Not Found"})

    @contextmanager
    def _lock(self) -> Iterator[None]:
        turn = object()
        with self._turn_changed:
            self._turns.append(turn)
            self._turn_changed.wait_for(lambda: self._turns[0] is turn)
        try:
            yield
        finally:
            with self._turn_changed:
                self._turns.popleft()
                self._turn_changed.notify_all()

    def generate(self, body: Json) -> Reply:
        """Hold the lock for the steps, then encode."""
        self.bodies.append(("generate", body))
        for image in body.get("init_images") or ():
            if _decoded(image) is None:
                return 500, {"error": "HTTPException", "detail": "Invalid encoded image", "body": "", "errors": ""}
        steps, count = int(body.get("steps", 20)), int(body.get("batch_size", 1)) * int(body.get("n_iter", 1))
        with self._lock():
            self._begin("scripts_txt2img")
            try:
                run = self._run(body, steps)
            except (KeyError, TypeError) as error:
                return 500, {"error": type(error).__name__, "detail": "", "body": "", "errors": str(error)}
            finally:
                self._job = ""
        time.sleep(self.encoding_seconds)
        sampler = self.service.sampler_of(body.get("sampler_name") or body.get("sampler_index") or "Euler")
        info = {
            "seed": 1,
            "sd_model_name": run.checkpoint.rpartition(".")[0],
            "sampler_name": sampler,
            "clip_skip": run.clip_skip,
            "infotexts": [run.prompt],
            # Not of the real one: for tests to know whether this very answer is that of a cut run.
            "was_cut": run.interrupted,
        }
        picture = base64.b64encode(self._encoded(run)).decode()
        images = [] if body.get("send_images") is False else [picture] * count
        return 200, {"images": images, "parameters": body, "info": json.dumps(info)}

    def _begin(self, job: str) -> None:
        self._interrupted, self._step, self._job, self._timestamp = False, 0, job, time.monotonic()

    def _run(self, body: Json, steps: int) -> Run:
        overrides, options = dict(body.get("override_settings") or {}), self.service.options
        remembered = options.remember(overrides)
        try:
            for name, value in overrides.items():
                options.set(name, value)
            run = Run(str(body.get("prompt", "")), body, self.service.loaded, time.monotonic())
            run.clip_skip = abs(-options["CLIP_stop_at_last_layers"])
            self.runs.append(run)
            # What an earlier run had stays until the first step, as in the real one.
            while self._step < steps and not self._interrupted:
                while self.hangs(run, self._step):
                    time.sleep(self.seconds_per_step)
                time.sleep(self.seconds_per_step)
                self._step, self._steps = self._step + 1, steps
            run.interrupted = self._interrupted
            run.ended_at = time.monotonic()
            return run
        finally:
            if body.get("override_settings_restore_afterwards", True):
                options.restore(remembered)

    def _encoded(self, run: Run) -> bytes:
        # After the lock, by the options of that moment.
        beginning, end = {"png": (b"", b""), "jpg": JPEG_MARKERS}[self.service.options["samples_format"]]
        return beginning + self.picture(run.prompt) + end

    def progress(self, _body: Json) -> Reply:
        """Say how far the running generation is."""
        running = bool(self._job)
        state = {
            "job": self._job,
            "job_count": int(running),
            "job_no": 0,
            "job_timestamp": str(self._timestamp),
            "sampling_step": self._step,
            "sampling_steps": self._steps,
            "interrupted": self._interrupted,
            "skipped": False,
        }
        fraction = self._step / max(self._steps, 1) if running else 0.0
        return 200, {
            "progress": fraction,
            "eta_relative": 0.0,
            "state": state,
            "current_image": self.preview,
            "textinfo": None,
        }

    def interrupt(self, _body: Json) -> Reply:
        """Cut whatever runs."""
        self._interrupted = True
        self.interrupts.append(time.monotonic())
        return 200, {}

    def options(self, _body: Json) -> Reply:
        """Show all options."""
        return self.service.show()

    def set_options(self, body: Json) -> Reply:
        """Switch the checkpoint, in the same lock; set everything else at once."""
        values = dict(body)
        wanted = str(values.pop("sd_model_checkpoint", self.service.loaded)).partition(" [")[0]
        if wanted not in self.checkpoints:
            return 500, {"error": "RuntimeError", "detail": "", "body": "", "errors": f"model '{wanted}' not found"}
        if wanted != self.service.loaded:
            with self._lock():
                self.switches.append(wanted)
                self.service.loaded = wanted
        return self.service.set(values) if values else (200, None)

    def upscale(self, body: Json) -> Reply:
        """Give each picture back, one after the other while the lock is held; an interrupt leaves the rest out."""
        self.bodies.append(("upscale", body))
        pictures = [image["data"] for image in body["imageList"]] if "imageList" in body else [body["image"]]
        done: list[str] = []
        with self._lock():
            self._begin("extras")
            for picture in pictures:
                if self._interrupted:
                    break
                time.sleep(self.seconds_per_step)
                done.append(picture)
            self._job = ""
        if "imageList" in body:
            return 200, {"html_info": "<p></p>", "images": done}
        if not done:
            return 500, {"error": "IndexError", "detail": "", "body": "", "errors": "list index out of range"}
        return 200, {"html_info": "<p></p>", "image": done[0]}

    def interrogate(self, body: Json) -> Reply:
        """Describe a picture."""
        self.bodies.append(("interrogate", body))
        return 200, {"caption": "a drawing of nothing"}

    def png_info(self, body: Json) -> Reply:
        """Read a picture's text."""
        self.bodies.append(("png-info", body))
        return 200, {"info": "a cat", "items": {}, "parameters": {"Prompt": "a cat"}}


def png(text: str, size: int = 8) -> bytes:
    """Return a real PNG with `text` in its `parameters` chunk."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80\x40\x20" * size) * size)
    words = b"parameters\0" + text.encode("latin-1", "replace")
    parts = (chunk(b"IHDR", header), chunk(b"tEXt", words), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _decoded(text: object) -> bytes | None:
    try:
        return base64.b64decode(str(text).rpartition(",")[2], validate=True) or None
    except (binascii.Error, ValueError):
        return None


#: Calls that take the lock.
GENERATIONS = {("POST", "/sdapi/v1/txt2img"), ("POST", "/sdapi/v1/img2img")}
_ROUTES: dict[tuple[str, str], Callable[[StandInWebUi, Json], Reply]] = {
    ("POST", "/sdapi/v1/txt2img"): StandInWebUi.generate,
    ("POST", "/sdapi/v1/img2img"): StandInWebUi.generate,
    ("POST", "/sdapi/v1/extra-single-image"): StandInWebUi.upscale,
    ("POST", "/sdapi/v1/extra-batch-images"): StandInWebUi.upscale,
    ("POST", "/sdapi/v1/interrogate"): StandInWebUi.interrogate,
    ("POST", "/sdapi/v1/png-info"): StandInWebUi.png_info,
    ("GET", "/sdapi/v1/progress"): StandInWebUi.progress,
    ("POST", "/sdapi/v1/interrupt"): StandInWebUi.interrupt,
    ("GET", "/sdapi/v1/options"): StandInWebUi.options,
    ("POST", "/sdapi/v1/options"): StandInWebUi.set_options,
}


@contextmanager
def _server(webui: StandInWebUi, port: int) -> Iterator[str]:
    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            webui.connections.add(self.connection)

        def finish(self) -> None:
            webui.connections.discard(self.connection)
            with suppress(OSError):
                super().finish()

        def do_GET(self) -> None:
            self._reply("GET")

        def do_POST(self) -> None:
            self._reply("POST")

        def _reply(self, method: str) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(content) if content else {}
            status, answer = webui.answer(method, self.path, body)
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if webui.broken_answers and (method, self.path) in GENERATIONS:
                    webui.broken_answers -= 1
                    data, self.close_connection = data[: len(data) // 2], True
                self.wfile.write(data)
            except OSError:
                # The agent was killed, or lost patience; the real one goes on as well.
                self.close_connection = True

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with serving(Server(("127.0.0.1", port), Handler)) as server:
        yield f"http://127.0.0.1:{server.server_port}"
