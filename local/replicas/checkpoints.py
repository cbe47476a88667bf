"""Checkpoints for a machine that has none: tiny ones are written once, put into the model bucket, and given to the
runtimes that serve them.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from contract.routing import CHECKPOINT_EXTENSIONS, Runtime
from contract.storage import CHECKPOINT_FOLDER, checkpoint_key
from embedded_webui.tiny_checkpoint import is_outdated
from local.processes.process_group import ProcessFailed, ProcessGroup

#: What a runtime with `dynamicModel: true` can switch between: the checkpoint that the documents name, and another.
DYNAMIC_CHECKPOINTS: Final = ("v1-5-pruned-emaonly.safetensors", "dreamlike-tiny.safetensors")


def checkpoint_names(runtimes: Iterable[Runtime]) -> list[str]:
    """Return the file names of all checkpoints that an environment needs."""
    names: set[str] = set()
    for runtime in runtimes:
        names |= {runtime.model_filename} if runtime.model_filename else set(DYNAMIC_CHECKPOINTS)
    return sorted(names)


async def write_checkpoints(
    names: Iterable[str], *, models: Path, project: Path, log_file: Path, processes: ProcessGroup
) -> None:
    """Write the checkpoints that are not in the folder `models` yet; a real one of that name is left alone."""
    paths = [models / CHECKPOINT_FOLDER / name for name in names]
    missing = [str(path) for path in paths if not path.exists() or is_outdated(path)]
    if not missing:
        return
    # One process for all: it imports torch, which costs more than the writing.
    command = [sys.executable, "-m", "local.replicas.checkpoint_writer", *missing]
    child = await processes.start(command, name="checkpoint writer", log_file=log_file, folder=project)
    if status := await child.wait():
        raise ProcessFailed(f"checkpoints cannot be written (exit status {status}){child.log_tail()}")


def link_checkpoints(runtime: Runtime, *, models: Path, folder: Path) -> None:
    """Have the models folder `folder` hold what `runtime` serves: its own checkpoint, or all of `models`."""
    for checkpoint in found_checkpoints(models):
        name = checkpoint.relative_to(models / CHECKPOINT_FOLDER)
        if runtime.model_filename in {None, name.as_posix()}:
            link = folder / CHECKPOINT_FOLDER / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(checkpoint)


def found_checkpoints(models: Path) -> list[Path]:
    """Return the checkpoints in a models folder, those that somebody put there included."""
    folder = models / CHECKPOINT_FOLDER
    return sorted(path for path in folder.rglob("*") if path.suffix in CHECKPOINT_EXTENSIONS)


def put_checkpoints(s3: Any, bucket: str, models: Path) -> None:
    """Put every checkpoint of a models folder into the model bucket."""
    for path in found_checkpoints(models):
        name = path.relative_to(models / CHECKPOINT_FOLDER).as_posix()
        s3.upload_file(str(path), bucket, checkpoint_key(name))


def put_checkpoint_names(s3: Any, bucket: str, names: Iterable[str]) -> None:
    """Put empty objects for checkpoints that a Web UI of somebody else's holds: only their names are looked up."""
    for name in names:
        s3.put_object(Bucket=bucket, Key=checkpoint_key(name), Body=b"")
