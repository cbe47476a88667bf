"""A Web UI that draws nothing: one first-in-first-out lock held for a chosen time, and work outside it afterwards.

`python -m benchmarks.stand_in_webui` says in one line of JSON where it listens, and stays until it is killed.
"""

import argparse
import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from benchmarks.journal import Journal, Step
from benchmarks.picture import noisy_png

CHECKPOINT: Final = "v1-5-pruned-emaonly.safetensors"
_SHORT_HASH: Final = "6ce0161689"
#: Tells how often the model was switched.
SWITCHES: Final = "/switches"
_OPTIONS: Final = "/sdapi/v1/options"
_GENERATING: Final = frozenset({"/sdapi/v1/txt2img", "/sdapi/v1/img2img"})
#: Below it there is an input picture for each task, for image-to-image.
LINKS: Final = "/links/"
#: Steps of a generation as far as progress shows them.
_STEPS: Final = 20

#: What never changes.
_FIXED: Final[Mapping[str, Any]] = {
    _OPTIONS: {"sd_vae": "Automatic", "samples_format": "png"},
    "/sdapi/v1/samplers": [{"name": "Euler a", "aliases": ["k_euler_a", "k_euler_ancestral"], "options": {}}],
    "/sdapi/v1/schedulers": [{"name": "automatic", "label": "Automatic", "aliases": None}],
    "/sdapi/v1/upscalers": [{"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 4}],
    "/sdapi/v1/sd-vae": [],
    "/sdapi/v1/loras": [],
    "/sdapi/v1/hypernetworks": [],
    "/sdapi/v1/embeddings": {"loaded": {}, "skipped": {}},
    "/sdapi/v1/scripts": {"txt2img": [], "img2img": []},
    "/sdapi/v1/script-info": [],
    "/sdapi/v1/cmd-flags": {},
    "/sdapi/v1/refresh-checkpoints": None,
}


class StandInWebUi:
    """Its state; every request is answered in a thread of its own."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._seconds_per_picture: float = options.seconds_per_picture
        self._encoding_seconds: float = options.encoding_seconds
        self._link_seconds: float = options.link_seconds
        self._journal = Journal(options.journal)
        self._checkpoints = [CHECKPOINT, *(f"model-{number}.safetensors" for number in range(1, options.models))]
        self._checkpoint = CHECKPOINT
        self._switch_seconds: float = options.switch_seconds
        self._switches = 0
        self._picture = noisy_png(side_pixels=options.picture_side, kilobytes=options.picture_kb)
        encoded = base64.b64encode(self._picture)
        self._images = b"[" + b",".join([b'"' + encoded + b'"'] * options.pictures_per_task) + b"]"
        self._lock = threading.Lock()
        self._last_turn = threading.Event()
        self._last_turn.set()
        self._interrupt = threading.Event()
        self._began_at: float | None = None

    def answer(self, path: str, body: Mapping[str, Any]) -> tuple[int, str, bytes]:
        """Return status, content type and body of the answer."""
        path = path.partition("?")[0]
        if path in _GENERATING:
            return _json(self._generate(body))
        if path == "/sdapi/v1/progress":
            return _json(json.dumps(self._progress()).encode())
        if path == "/sdapi/v1/interrupt":
            self._interrupt.set()
            return _json(b"{}")
        if path.startswith(LINKS):
            time.sleep(self._link_seconds)
            return 200, "image/png", self._picture
        if path == _OPTIONS and (wanted := str(body.get("sd_model_checkpoint") or "")):
            self._switch(wanted)
        shown = {
            **_FIXED,
            SWITCHES: self._switches,
            _OPTIONS: {**_FIXED[_OPTIONS], "sd_model_checkpoint": _title(self._checkpoint)},
            "/sdapi/v1/sd-models": [_entry(name) for name in self._checkpoints],
        }
        if path in shown:
            return _json(json.dumps(shown[path]).encode())
        return 404, "application/json", b'{"detail":"Not Found"}'

    def _generate(self, body: Mapping[str, Any]) -> bytes:
        generation, prompt = uuid4().hex, str(body.get("prompt"))
        self._journal.note(Step.ARRIVED, generation=generation, prompt=prompt)
        with self._turn():
            self._interrupt.clear()
            self._began_at = time.monotonic()
            self._journal.note(Step.ACQUIRED, generation=generation)
            self._interrupt.wait(self._seconds_per_picture)
            self._began_at = None
            self._journal.note(Step.RELEASED, generation=generation)
        # Encoding does not hold the lock. It is waited for, not computed: the machine that measures has few cores,
        # and what is measured is the agent.
        time.sleep(self._encoding_seconds)
        echoed = {name: value for name, value in body.items() if name != "init_images"}
        info = {
            "seed": 1,
            "sd_model_name": Path(self._checkpoint).stem,
            "sampler_name": "Euler a",
            "infotexts": [prompt],
        }
        rest = json.dumps({"parameters": echoed, "info": json.dumps(info)}).encode()
        self._journal.note(Step.ANSWERED, generation=generation)
        return b'{"images":' + self._images + b"," + rest[1:]

    def _switch(self, title: str) -> None:
        with self._turn():
            name = next(name for name in self._checkpoints if title in {name, _title(name)})
            if name != self._checkpoint:
                time.sleep(self._switch_seconds)
                self._checkpoint = name
                self._switches += 1

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Hold the lock, first come first served."""
        mine = threading.Event()
        with self._lock:
            before, self._last_turn = self._last_turn, mine
        before.wait()
        try:
            yield
        finally:
            mine.set()

    def _progress(self) -> dict[str, Any]:
        began_at = self._began_at
        fraction = 0.0
        if began_at is not None:
            fraction = min((time.monotonic() - began_at) / max(self._seconds_per_picture, 0.001), 0.99)
        state = {
            "job": "scripts_txt2img" if began_at is not None else "",
            "job_count": int(began_at is not None),
            "job_no": 0,
            "sampling_step": int(fraction * _STEPS),
            "sampling_steps": _STEPS,
            "interrupted": self._interrupt.is_set(),
            "skipped": False,
        }
        return {"progress": fraction, "eta_relative": 0.0, "state": state, "current_image": None, "textinfo": None}


def _title(name: str) -> str:
    return f"{name} [{_SHORT_HASH}]"


def _entry(name: str) -> dict[str, Any]:
    return {
        "title": _title(name),
        "model_name": Path(name).stem,
        "hash": _SHORT_HASH,
        "sha256": None,
        "filename": f"/models/Stable-diffusion/{name}",
        "config": None,
    }


def _json(body: bytes) -> tuple[int, str, bytes]:
    return 200, "application/json", body


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: agents are killed on purpose."""


def _handler(webui: StandInWebUi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply({})

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._reply(json.loads(content) if content else {})

        def log_message(self, *_: object) -> None:
            """Stay silent."""

        def _reply(self, body: Mapping[str, Any]) -> None:
            status, content_type, content = webui.answer(self.path, body)
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

    return Handler


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journal", type=Path, required=True, help="file that gets a line for each step")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds-per-picture", type=float, default=1.0, help="for which the lock is held")
    parser.add_argument("--encoding-seconds", type=float, default=0.06, help="after the lock")
    parser.add_argument("--link-seconds", type=float, default=0.3, help="until an input picture is answered")
    parser.add_argument("--pictures-per-task", type=int, default=1)
    parser.add_argument("--picture-side", type=int, default=512)
    parser.add_argument("--picture-kb", type=int, default=450)
    parser.add_argument("--models", type=int, default=1, help="checkpoints that there are")
    parser.add_argument("--switch-seconds", type=float, default=5.0, help="to load another")
    options = parser.parse_args()
    with _Server(("127.0.0.1", options.port), _handler(StandInWebUi(options))) as server:
        print(json.dumps({"port": server.server_port}), flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
