"""Selection of the files that a runtime needs before it is ready. Tasks name the others, which are fetched then."""

from collections.abc import Callable, Iterable
from itertools import chain
from pathlib import PurePosixPath
from typing import Final

from contract.model_folders import COMFYUI_FURTHER_FOLDERS, COMFYUI_MODEL_FOLDERS, WEBUI_MODEL_FOLDERS
from contract.pipeline.graph_inputs import SHARED_INPUTS_FOLDER
from contract.routing import bare_checkpoint_name
from contract.storage import CHECKPOINT_FOLDER, checkpoint_key
from runtime_image.model_downloader.bucket import RemoteFile
from runtime_image.model_downloader.errors import ModelMissing

#: Folders whose files tasks name.
NAMED_FOLDERS: Final = frozenset({CHECKPOINT_FOLDER, "Lora", "VAE"})
#: Folders that only ComfyUI reads, in a bucket that both engines use.
_COMFYUI_FOLDERS: Final = frozenset(
    {*COMFYUI_MODEL_FOLDERS, *chain.from_iterable(COMFYUI_FURTHER_FOLDERS.values()), SHARED_INPUTS_FOLDER}
).difference(WEBUI_MODEL_FOLDERS)
#: Files that the Web UI looks for next to a checkpoint: its configuration, and its VAE.
COMPANION_SUFFIXES: Final = (".yaml", ".vae.safetensors", ".vae.pt", ".vae.ckpt")


def preloaded(
    files: Iterable[RemoteFile], names: Iterable[str], *, is_baked_in: Callable[[str], bool]
) -> list[RemoteFile]:
    """Return the files that a runtime of ComfyUI names: keys of the bucket, and folders with a slash at their end.

    Raises:
        ModelMissing: if neither the files nor the image have a name.
    """
    files = list(files)
    found: dict[str, RemoteFile] = {}
    for name in names:
        named = [file for file in files if file.key == name or (name.endswith("/") and file.key.startswith(name))]
        if not named and not is_baked_in(name):
            raise ModelMissing(f"the model bucket does not hold {name}, which preload names")
        found |= {file.key: file for file in named}
    return list(found.values())


def needed_at_start(
    files: Iterable[RemoteFile], model_filename: str, *, is_baked_in: Callable[[str], bool]
) -> list[RemoteFile]:
    """Return the files that must be on disk before an SD Web UI is ready, its checkpoint first.

    Args:
        files: All files of the bucket.
        model_filename: The runtime's checkpoint, empty if its tasks name theirs.
        is_baked_in: Returns True if the image holds the file of a key.

    Raises:
        ModelMissing: if the checkpoint is neither among the files nor in the image.
    """
    by_key = {file.key: file for file in files}
    checkpoint = [checkpoint_key(model_filename)] if model_filename else []
    if missing := [key for key in checkpoint if key not in by_key and not is_baked_in(key)]:
        raise ModelMissing(f"the model bucket does not hold {missing[0]}")
    named = [by_key[key] for key in (*checkpoint, *companion_keys(checkpoint)) if key in by_key]
    return named + [file for file in by_key.values() if _is_always_needed(file.key)]


def companion_keys(checkpoints: Iterable[str]) -> list[str]:
    """Return the keys of the files that belong to checkpoints, if they exist."""
    keys = []
    for key in checkpoints:
        stem = PurePosixPath(key).with_suffix("")
        keys += [f"{stem}{suffix}" for suffix in COMPANION_SUFFIXES]
        keys += [f"VAE/{stem.name}{suffix}" for suffix in COMPANION_SUFFIXES[1:]]
    return keys


def belongs_to_checkpoint(key: str, name: str) -> bool:
    """Return True if a file is the checkpoint of this name, in any of its forms, or its companion."""
    folder, _, rest = key.partition("/")
    path = PurePosixPath(rest)
    bare = bare_checkpoint_name(name)
    if folder == CHECKPOINT_FOLDER and bare in {bare_checkpoint_name(rest), bare_checkpoint_name(path.name)}:
        return True
    return any(path.name == f"{PurePosixPath(bare).name}{suffix}" for suffix in COMPANION_SUFFIXES)


def without_conflicts(files: Iterable[RemoteFile]) -> tuple[list[RemoteFile], list[RemoteFile]]:
    """Return the files that fit into one folder tree, and those whose name is a folder of other files."""
    files = list(files)
    folders = {str(parent) for file in files for parent in PurePosixPath(file.key).parents}
    return [file for file in files if file.key not in folders], [file for file in files if file.key in folders]


def _is_always_needed(key: str) -> bool:
    folder, slash, _ = key.partition("/")
    return bool(slash) and folder not in NAMED_FOLDERS | _COMFYUI_FOLDERS
