"""Checkpoints for a machine without models: the trained ones of the project, the model bucket, and links to them."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

from contract.routing import CHECKPOINT_EXTENSIONS, Runtime
from contract.storage import CHECKPOINT_FOLDER
from embedded_webui.models.kinds import TRAINED_MODELS
from local.context import LocalContext

#: Checkpoints of a runtime with `dynamicModel: true`: the one that the documents name, and another one.
DYNAMIC_CHECKPOINTS: Final = ("v1-5-pruned-emaonly.safetensors", "dreamlike-tiny.safetensors")
#: Checkpoint of the documented workflow.
WORKFLOW_CHECKPOINT: Final = "sd_xl_turbo_1.0.safetensors"
#: Checkpoints that tasks of a runtime name, and the folder of all, by the runtime's type.
_NAMED_BY_TASKS: Final = {"sdwebui": set(DYNAMIC_CHECKPOINTS), "comfyui": {WORKFLOW_CHECKPOINT}}
_FOLDERS: Final = {"sdwebui": CHECKPOINT_FOLDER, "comfyui": "checkpoints"}
#: Trained style of a checkpoint by its name; the others draw plain shapes.
_STYLES: Final = {DYNAMIC_CHECKPOINTS[1]: "chalk"}
#: Folder of LoRA files, in a models folder and in the model bucket.
_LORA_FOLDER: Final = "Lora"
#: Start of the keys in the metadata of the project's checkpoints.
_OWN_METADATA: Final = "darkroom_"
#: A safetensors file without tensors: the length of its header, and the header.
_EMPTY_CHECKPOINT: Final = (2).to_bytes(8, "little") + b"{}"


def checkpoint_keys(runtimes: Iterable[Runtime]) -> list[str]:
    """Return the keys in the model bucket of all checkpoints that an environment needs."""
    keys: set[str] = set()
    for runtime in runtimes:
        names = {runtime.model_filename} if runtime.model_filename else _NAMED_BY_TASKS[runtime.type]
        keys |= {f"{_FOLDERS[runtime.type]}/{name}" for name in names}
    return sorted(keys)


async def write_checkpoints(keys: Iterable[str], models: Path, context: LocalContext) -> None:
    """Write the checkpoints that the folder `models` lacks. A real checkpoint of the same name stays."""
    paths = [models / key for key in keys]
    if context.options.stub_webui_seconds is not None:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_EMPTY_CHECKPOINT)
        return
    await asyncio.to_thread(copy_trained_checkpoints, paths)


def link_checkpoints(runtime: Runtime, *, models: Path, folder: Path) -> None:
    """Link the checkpoints of `runtime` into its models folder: its own one, or all of `models`."""
    own = _FOLDERS[runtime.type]
    for checkpoint in found_checkpoints(models, own):
        name = checkpoint.relative_to(models / own)
        if runtime.model_filename in {None, name.as_posix()}:
            link = folder / own / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(checkpoint)


def found_checkpoints(models: Path, folder: str) -> list[Path]:
    """Return the checkpoints in a folder of the models folder, also those that a person copied there."""
    paths = (models / folder).rglob("*")
    return sorted(path for path in paths if path.suffix in CHECKPOINT_EXTENSIONS and path.is_file())


def put_checkpoints(s3: Any, bucket: str, models: Path, runtimes: Iterable[Runtime]) -> None:
    """Put every checkpoint that runtimes may use into the model bucket."""
    for folder in sorted({_FOLDERS[runtime.type] for runtime in runtimes}):
        for path in found_checkpoints(models, folder):
            s3.upload_file(str(path), bucket, path.relative_to(models).as_posix())


def put_loras(s3: Any, bucket: str) -> None:
    """Put the trained LoRA files into the model bucket, from which a replica fetches those that a prompt names."""
    for path in (TRAINED_MODELS / _LORA_FOLDER).iterdir():
        s3.upload_file(str(path), bucket, f"{_LORA_FOLDER}/{path.name}")


def put_model_keys(s3: Any, bucket: str, keys: Iterable[str]) -> None:
    """Put empty objects for the models of an external engine, because only their names are looked up."""
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")


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
    try:
        with safe_open(path, framework="numpy") as file:
            return file.metadata() or {}
    except SafetensorError:
        return {}
