"""Tiny checkpoints for a machine without models: written once, copied to the model bucket, linked for the runtimes."""

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from contract.routing import CHECKPOINT_EXTENSIONS, Runtime
from contract.storage import CHECKPOINT_FOLDER, checkpoint_key
from embedded_webui.tiny_model.checkpoint import is_outdated, write_tiny_checkpoint
from local.context import LocalContext
from local.processes.process_group import ProcessFailed

#: Checkpoints of a runtime with `dynamicModel: true`: the one that the documents name, and another one.
DYNAMIC_CHECKPOINTS: Final = ("v1-5-pruned-emaonly.safetensors", "dreamlike-tiny.safetensors")
#: A safetensors file without tensors: the length of its header, and the header.
_EMPTY_CHECKPOINT: Final = (2).to_bytes(8, "little") + b"{}"


def checkpoint_names(runtimes: Iterable[Runtime]) -> list[str]:
    """Return the file names of all checkpoints that an environment needs."""
    names: set[str] = set()
    for runtime in runtimes:
        names |= {runtime.model_filename} if runtime.model_filename else set(DYNAMIC_CHECKPOINTS)
    return sorted(names)


async def write_checkpoints(names: Iterable[str], models: Path, context: LocalContext) -> None:
    """Write the checkpoints that the folder `models` lacks. A real checkpoint of the same name stays."""
    paths = [models / CHECKPOINT_FOLDER / name for name in names]
    if context.options.stub_webui_seconds is not None:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_EMPTY_CHECKPOINT)
        return
    missing = [str(path) for path in paths if not path.exists() or is_outdated(path)]
    if not missing:
        return
    # One process writes all, because its import of torch costs more than the writing.
    command = [sys.executable, "-m", "local.replicas.checkpoints", *missing]
    process = await context.start_process(command, name="checkpoint writer", log_name="checkpoints")
    if status := await process.wait():
        raise ProcessFailed(f"checkpoints cannot be written (exit status {status}){process.log_tail()}")


def link_checkpoints(runtime: Runtime, *, models: Path, folder: Path) -> None:
    """Link the checkpoints of `runtime` into its models folder: its own one, or all of `models`."""
    for checkpoint in found_checkpoints(models):
        name = checkpoint.relative_to(models / CHECKPOINT_FOLDER)
        if runtime.model_filename in {None, name.as_posix()}:
            link = folder / CHECKPOINT_FOLDER / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(checkpoint)


def found_checkpoints(models: Path) -> list[Path]:
    """Return all checkpoints in a models folder, also those that a person copied there."""
    folder = models / CHECKPOINT_FOLDER
    return sorted(path for path in folder.rglob("*") if path.suffix in CHECKPOINT_EXTENSIONS)


def put_checkpoints(s3: Any, bucket: str, models: Path) -> None:
    """Put every checkpoint of a models folder into the model bucket."""
    for path in found_checkpoints(models):
        name = path.relative_to(models / CHECKPOINT_FOLDER).as_posix()
        s3.upload_file(str(path), bucket, checkpoint_key(name))


def put_checkpoint_names(s3: Any, bucket: str, names: Iterable[str]) -> None:
    """Put empty objects for the checkpoints of an external Web UI, because only their names are looked up."""
    for name in names:
        s3.put_object(Bucket=bucket, Key=checkpoint_key(name), Body=b"")


def write_tiny_checkpoints(paths: Iterable[Path]) -> None:
    """Write a checkpoint to each path. Its name alone decides its weights, so another name is another model."""
    for path in paths:
        seed = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:4])
        write_tiny_checkpoint(path, seed=seed)


if __name__ == "__main__":
    write_tiny_checkpoints(map(Path, sys.argv[1:]))
