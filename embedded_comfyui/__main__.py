"""Program of the embedded ComfyUI: `python -m embedded_comfyui` prints its port as JSON and serves."""

import argparse
import asyncio
import json
import os
import sys
import threading
from pathlib import Path

from aiohttp import web

from embedded_comfyui.catalogue import read_catalogue
from embedded_comfyui.clients import ClientConnections
from embedded_comfyui.engine import ImageEngine
from embedded_comfyui.execution import NodeRunner
from embedded_comfyui.folders import ComfyFolders
from embedded_comfyui.prompt_queue import PromptQueue
from embedded_comfyui.server import ComfyServer
from embedded_comfyui.stub_engine import StubEngine
from embedded_comfyui.worker import FAULTS, PromptWorker
from stub_webui.journal import GenerationJournal


def main(arguments: list[str]) -> None:
    """Serve until SIGINT. SIGTERM ends the process at once, whatever runs, as it ends ComfyUI."""
    options = _parse(arguments)
    try:
        asyncio.run(_serve(options, arguments))
    except KeyboardInterrupt:
        sys.stdout.write("\nStopped server\n")


async def _serve(options: argparse.Namespace, arguments: list[str]) -> None:
    clients = ClientConnections()
    queue = PromptQueue(clients.send_status)
    folders = ComfyFolders(base=options.base_directory, models=options.models)
    is_stub = options.stub_seconds is not None
    catalogue = read_catalogue(folders, with_stubs=is_stub)
    journal = GenerationJournal(options.journal) if options.journal else None
    runner = NodeRunner(
        catalogue=catalogue,
        folders=folders,
        engine=_engine(options),
        clients=clients,
        is_interrupted=lambda: queue.is_interrupted,
        has_previews=options.preview_method is not None,
        stub_bytes=options.stub_file_bytes,
    )
    worker = PromptWorker(queue=queue, runner=runner, faults=options.fault, journal=journal)
    server = ComfyServer(
        queue=queue,
        clients=clients,
        catalogue=catalogue,
        folders=folders,
        faults=options.fault,
        journal=journal,
        arguments=arguments,
    )
    site = web.AppRunner(server.application(), access_log=None)
    await site.setup()
    listener = web.TCPSite(site, "127.0.0.1", options.port)
    await listener.start()
    threading.Thread(target=worker.prompt_worker, daemon=True).start()
    (_, port) = site.addresses[0]
    sys.stdout.write(json.dumps({"event": "listening", "port": port}) + "\n")
    sys.stdout.write(f"Starting server\n\nTo see the GUI go to: http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await clients.publish()


def _engine(options: argparse.Namespace) -> ImageEngine:
    if options.stub_seconds is not None:
        return StubEngine(seconds_per_step=options.stub_seconds)
    # Imported here, because a stub starts without diffusers' settings.
    from embedded_comfyui.diffusion_engine import DiffusionEngine  # noqa: PLC0415 - see above

    return DiffusionEngine(models_folder=options.models, threads=options.threads)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m embedded_comfyui",
        description="ComfyUI's HTTP API and websocket (0.33.0) with its nodes for text-to-image and image-to-image.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8188, help="port on 127.0.0.1; 0 chooses a free one")
    parser.add_argument("--models", type=Path, required=True, help="folder of checkpoints/, loras/ and the others")
    parser.add_argument("--base-directory", type=Path, required=True, help="folder of input/, output/ and temp/")
    parser.add_argument("--preview-method", choices=("latent2rgb",), help="send a preview after each step")
    parser.add_argument("--stub-seconds", type=float, help="draw plain colours, with so many seconds a sampling step")
    parser.add_argument("--stub-file-bytes", type=int, default=2048, help="size of a stub's videos and sounds")
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    parser.add_argument("--threads", type=int, default=threads, help="processor threads for torch")
    parser.add_argument("--fault", action="append", choices=FAULTS, default=[], help="a fault on demand")
    parser.add_argument("--journal", type=Path, help="file that gets a JSON line for each step of a prompt")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
