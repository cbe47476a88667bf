"""Entry point of the embedded Web UI: `python -m embedded_webui`."""

import argparse
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn

from embedded_webui.api.application import create_application
from embedded_webui.web_ui import EmbeddedWebUi


def main() -> None:
    """Serve until SIGTERM or SIGINT; the running request is finished first."""
    arguments, began_at = _parse(), time.monotonic()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    web_ui = EmbeddedWebUi(
        models_folder=arguments.models_folder.resolve(),
        threads=arguments.threads,
        settings_file=arguments.ui_settings_file,
    )
    # Named, because uvicorn otherwise prefers whatever faster packages a machine has.
    config = uvicorn.Config(
        create_application(web_ui),
        http="h11",
        loop="asyncio",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
    )
    server = uvicorn.Server(config)
    # uvicorn handles signals while it serves, and raises them once more at its end. These handlers are for a signal
    # that arrives before, and they make the last one harmless.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    if not arguments.lazy:
        threading.Thread(target=web_ui.warm_up, name="warm-up", daemon=True).start()
    with socket.create_server((arguments.host, arguments.port)) as listener:
        sys.stdout.write(json.dumps({"event": "listening", "port": listener.getsockname()[1]}) + "\n")
        sys.stdout.write(f"Startup time: {time.monotonic() - began_at:.1f}s.\n")
        sys.stdout.flush()
        server.run(sockets=[listener])
    logging.shutdown()
    # A checkpoint that is still loading must not delay the end of the process.
    os._exit(0)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m embedded_webui",
        description="The SD Web UI's HTTP API (v1.10.1) on diffusers, on a GPU if there is one, else on the CPU. "
        'It prints one line of JSON, {"event": "listening", "port": 7860}, and "Startup time".',
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on, 0 for any (default: %(default)s)")
    parser.add_argument(
        "--models-folder",
        type=Path,
        required=True,
        help="folder whose Stable-diffusion/ holds the .safetensors checkpoints (SD 1.5, SDXL, or the tiny ones of "
        "this project), and whose Lora/ holds LoRA files; embedded_webui/data/models is one",
    )
    parser.add_argument(
        "--ui-settings-file", type=Path, help="file that keeps the options from one start to the next (default: none)"
    )
    parser.add_argument(
        "--lazy", action="store_true", help="load a model when the first request needs one, not at the start"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
        help="processor threads for torch (default: OMP_NUM_THREADS, or one per processor). Next to other busy "
        "processes fewer threads are faster, because they wait for each other with every operation",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
