"""Start of ComfyUI in a process that shares folders with the agent, limits files, and ends with its worker.

usage: python -m runtime_image.launcher.comfyui SCRIPT [ARGUMENT …], in ComfyUI's folder and its Python
"""

import argparse
import gc
import os
import resource
import runpy
import shlex
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

#: Arguments that name a folder. ComfyUI requires that they exist.
FOLDERS: Final = ("--input-directory", "--output-directory", "--temp-directory", "--user-directory")
#: Argument of this launcher, which keeps the nodes that call comfy.org's services for money.
API_NODES: Final = "--api-nodes"
WITHOUT_API_NODES: Final = "--disable-api-nodes"
#: End of the name of the thread in which ComfyUI works off its prompts.
WORKER: Final = "(prompt_worker)"
#: Exit status after the end of the worker: `ExitCode.INTERNAL_ERROR`, which this Python cannot import.
WORKER_ENDED: Final = 70
#: Seconds for which the server answers after its worker's end: the agent asks every 1.5 s, and learns which prompt ran.
FAREWELL_SECONDS: Final = 2.0
#: Bytes of a file that ComfyUI may write, the limit of a stored output.
MAX_FILE_BYTES: Final = 2 * 1024**3
#: Oldest generation of the garbage collector.
_OLDEST: Final = 2


def make_folders(arguments: Sequence[str]) -> None:
    """Make the folders of the arguments. The agent, another user, writes inputs there and removes outputs."""
    os.umask(0)
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in FOLDERS:
        parser.add_argument(name, type=Path, dest=name)
    found, _ = parser.parse_known_args(arguments)
    for name in FOLDERS:
        if folder := getattr(found, name):
            folder.mkdir(parents=True, exist_ok=True)


def freeze_after_first_prompt(phase: str, details: Mapping[str, int]) -> None:
    """Take all objects so far out of garbage collection, at the first collection of ComfyUI's worker.

    ComfyUI collects garbage between two prompts. Half a million objects of its imports cost half a second each time.
    """
    is_worker = threading.current_thread().name.endswith(WORKER)
    if phase == "stop" and details["generation"] == _OLDEST and is_worker:
        gc.callbacks.remove(freeze_after_first_prompt)
        gc.freeze()


def end_with_worker(ended: threading.ExceptHookArgs) -> None:
    """Print a thread's error. End the process if the thread was ComfyUI's worker, which alone carries out prompts."""
    is_worker = ended.thread is not None and ended.thread.name.endswith(WORKER)
    try:
        threading.__excepthook__(ended)
        if is_worker:
            time.sleep(FAREWELL_SECONDS)
            sys.stdout.flush()
            sys.stderr.flush()
    finally:
        if is_worker:
            os._exit(WORKER_ENDED)


def main(script: str, *arguments: str, environment: Mapping[str, str] = os.environ) -> None:
    """Run ComfyUI in this process, with the further arguments of COMMANDLINE_ARGS."""
    arguments = (*arguments, *shlex.split(environment.get("COMMANDLINE_ARGS", "")))
    if API_NODES in arguments:
        arguments = tuple(word for word in arguments if word not in {API_NODES, WITHOUT_API_NODES})
    make_folders(arguments)
    # Beyond it a node fails with an error, and the disk that all tasks of the replica share stays free.
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    gc.callbacks.append(freeze_after_first_prompt)
    threading.excepthook = end_with_worker
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
