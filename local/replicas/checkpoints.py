"""Checkpoints for a machine without models: the trained ones of the project, the model bucket, and links to them."""

import asyncio
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from contract.routing import CHECKPOINT_EXTENSIONS, Runtime
from contract.storage import CHECKPOINT_FOLDER, checkpoint_key
from embedded_webui.models.kinds import TRAINED_MODELS
from local.context import LocalContext

#: Checkpoints of a runtime with `dynamicModel: true`: the one that the documents name, and another one.
DYNAMIC_CHECKPOINTS: Final = ("v1-5-pruned-emaonly.safetensors", "dreamlike-tiny.safetensors")
#: Trained style of a checkpoint by its name; the others draw plain shapes.
_STYLES: Final = {DYNAMIC_CHECKPOINTS[1]: "chalk"}
#: Folder of LoRA files, in a models folder and in the model bucket.
_LORA_FOLDER: Final = "Lora"
#: Start of the keys in the metadata of the project's checkpoints, and largest header that is searched for them.
_OWN_METADATA: Final = "darkroom_"
_MAX_HEADER_BYTES: Final = 1_000_000
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
    await asyncio.to_thread(copy_trained_checkpoints, paths)


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


def put_loras(s3: Any, bucket: str) -> None:
    """Put the trained LoRA files into the model bucket, from which a replica fetches those that a prompt names."""
    for path in (TRAINED_MODELS / _LORA_FOLDER).iterdir():
        s3.upload_file(str(path), bucket, f"{_LORA_FOLDER}/{path.name}")


def put_checkpoint_names(s3: Any, bucket: str, names: Iterable[str]) -> None:
    """Put empty objects for the checkpoints of an external Web UI, because only their names are looked up."""
    for name in names:
        s3.put_object(Bucket=bucket, Key=checkpoint_key(name), Body=b"")


def copy_trained_checkpoints(paths: Iterable[Path]) -> None:
    """Copy a trained checkpoint to each path that lacks one or has one of an earlier version."""
    for path in paths:
        style = _STYLES.get(path.name, "shapes")
        trained = TRAINED_MODELS / CHECKPOINT_FOLDER / f"{style}.safetensors"
        if not path.exists() or _is_outdated(path, trained):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            shutil.copyfile(trained, partial)
            partial.replace(path)


def _is_outdated(path: Path, trained: Path) -> bool:
    """Return True if `path` is a checkpoint of the project, but not the trained one of today."""
    metadata = _metadata(path)
    return any(key.startswith(_OWN_METADATA) for key in metadata) and metadata != _metadata(trained)


def _metadata(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        if size > _MAX_HEADER_BYTES:
            return {}
        try:
            header = json.loads(file.read(size))
        except ValueError:
            return {}
    metadata: dict[str, str] = header.get("__metadata__", {}) if isinstance(header, dict) else {}
    return metadata
