"""Program of the stub: `python -m stub_webui` prints its port as JSON once it has started, and serves until SIGTERM."""

import argparse
import base64
import json
import signal
import sys
import threading
import time
from pathlib import Path

from contract.routing import CHECKPOINT_EXTENSIONS
from contract.storage import CHECKPOINT_FOLDER
from stub_webui.faults import FaultFolder
from stub_webui.journal import GenerationJournal
from stub_webui.png_images import noisy_png, plain_png, with_text
from stub_webui.run import draw_requested_size
from stub_webui.server import StubServer
from stub_webui.start import StubStart
from stub_webui.web_ui import CHECKPOINT, StubWebUi


def parse_options(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stub_webui",
        description="Serve the API of the SD Web UI without a model, for tests and benchmarks.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 chooses a free one")
    parser.add_argument("--seconds-per-step", type=float, default=0.01, help="lock time of one sampling step")
    parser.add_argument("--seconds-per-picture", type=float, help="lock time of a whole generation, whatever its steps")
    parser.add_argument("--encoding-seconds", type=float, default=0.0, help="time of a generation after the lock")
    parser.add_argument("--link-seconds", type=float, default=0.3, help="time until an input image is answered")
    parser.add_argument("--switch-seconds", type=float, default=0.0, help="lock time of a checkpoint switch")
    parser.add_argument("--models", type=int, default=1, help="number of checkpoints without --models-folder")
    parser.add_argument("--models-folder", type=Path, help="folder whose checkpoints the stub lists")
    parser.add_argument("--ui-settings-file", type=Path, help="file that keeps the options between processes")
    parser.add_argument("--picture-side", type=int, default=512, help="pixels of an image with --picture-kb")
    parser.add_argument("--picture-kb", type=int, help="size of every image; without it images are of one colour")
    parser.add_argument("--start-seed", type=int, help="seed that draws the pauses of the start at random")
    parser.add_argument("--journal", type=Path, help="file that gets a JSON line for each step of a generation")
    parser.add_argument("--faults-folder", type=Path, help="folder whose files request faults")
    return parser.parse_args(arguments)


def stub_of(options: argparse.Namespace) -> StubWebUi:
    """Return the stub that the options describe."""
    webui = StubWebUi(
        seconds_per_step=options.seconds_per_step,
        seconds_per_picture=options.seconds_per_picture,
        encoding_seconds=options.encoding_seconds,
        switch_seconds=options.switch_seconds,
        link_seconds=options.link_seconds,
        checkpoints=_found(options.models_folder) if options.models_folder else _named(options.models),
        settings_file=options.ui_settings_file,
        preview=base64.b64encode(plain_png("preview")).decode(),
        draw=draw_requested_size,
        journal=GenerationJournal(options.journal) if options.journal else None,
    )
    if options.picture_kb:
        picture = noisy_png(side_pixels=options.picture_side, kilobytes=options.picture_kb)
        webui.draw = lambda run, number: with_text(picture, run.infotext(number))
    if folder := options.models_folder:

        def search_again() -> None:
            webui.checkpoints[:] = _found(folder)

        webui.service.found_by_refresh["refresh-checkpoints"] = search_again
    return webui


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    options, began_at = parse_options(arguments), time.monotonic()
    webui = stub_of(options)
    if options.faults_folder:
        faults = FaultFolder(options.faults_folder)
        faults.start()
        webui.intercept = faults.intercept
        threading.Thread(target=faults.exit_on_demand, daemon=True).start()
    with StubServer(webui, options.port) as server:

        def report_started() -> None:
            sys.stdout.write(json.dumps({"event": "listening", "port": server.server_port}) + "\n")
            sys.stdout.write(f"Startup time: {time.monotonic() - began_at:.1f}s.\n")
            sys.stdout.flush()

        webui.start = StubStart(seed=options.start_seed, on_started=report_started)
        webui.start.begin()
        server.serve_forever()


def _named(count: int) -> list[str]:
    return [CHECKPOINT, *(f"model-{number}.safetensors" for number in range(1, count))]


def _found(models_folder: Path) -> list[str]:
    folder = models_folder / CHECKPOINT_FOLDER
    paths = sorted(path for path in folder.rglob("*") if path.suffix in CHECKPOINT_EXTENSIONS)
    return [path.relative_to(folder).as_posix() for path in paths]


if __name__ == "__main__":
    main(sys.argv[1:])
