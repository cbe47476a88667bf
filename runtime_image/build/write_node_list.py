"""Writer of the list of nodes that an image has: it starts ComfyUI once without a GPU and asks for all nodes.

usage: write_node_list.py COMFYUI_FOLDER FILE, in ComfyUI's Python

A marker file in each folder of models shows which inputs of which nodes name a file of the folder.
"""

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Final

from contract.pipeline.node_list import MARKER, NodeList, model_inputs_of, node_list_of

#: Seconds for the start of ComfyUI, which imports all nodes.
START_SECONDS: Final = 600.0
#: Seconds between two questions.
POLL_SECONDS: Final = 0.5
#: Seconds for one answer: the list of all nodes has megabytes.
ANSWER_SECONDS: Final = 120.0


def main(comfyui: str, target: str) -> None:
    """Write the list to a file; raises RuntimeError if ComfyUI ends or does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch, name) for name in ("models", "input", "output", "user")]
        for folder in folders:
            folder.mkdir()
        # With the nodes of comfy.org's services, which runtimes with `apiNodes: true` load.
        command = [sys.executable, "main.py", "--cpu", f"--port={port}", "--disable-auto-launch"]
        command += [f"--{folder.name}-directory={folder}" for folder in folders]
        command += [f"--temp-directory={scratch}", "--database-url=sqlite:///:memory:"]
        with subprocess.Popen(command, cwd=comfyui) as process:  # noqa: S603 - the image's own program
            try:
                found = _read(process, f"http://127.0.0.1:{port}", models=folders[0])
            finally:
                # A build in the background ignores SIGINT, and so does what it starts.
                process.terminate()
    Path(target).write_text(found.to_json(), encoding="utf-8")


def _read(process: "subprocess.Popen[bytes]", url: str, *, models: Path) -> NodeList:
    ends_at = time.monotonic() + START_SECONDS
    while True:
        if process.poll() is not None or time.monotonic() > ends_at:
            raise RuntimeError(f"ComfyUI did not start; its exit code is {process.poll()}")
        with contextlib.suppress(OSError):
            version = _ask(f"{url}/system_stats")["system"]["comfyui_version"]
            break
        time.sleep(POLL_SECONDS)
    # ComfyUI sees a new file at once.
    for folder in _ask(f"{url}/models"):
        (models / folder).mkdir(exist_ok=True)
        (models / folder / MARKER.format(folder=folder)).touch()
    object_info = _ask(f"{url}/object_info")
    return node_list_of(object_info, model_inputs_of(object_info), comfyui_version=version)


def _ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - a program on this machine
        return json.load(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
