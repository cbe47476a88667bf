"""Checks of model files before their upload, and of stored models."""

import difflib
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from cli.errors import Refused
from cli.model_store import Advance, ModelStore, StoredModel, checksum_of
from contract.model_folders import COMFYUI_FURTHER_FOLDERS, COMFYUI_MODEL_FOLDERS, WEBUI_MODEL_FOLDERS
from contract.routing import is_checkpoint_name
from contract.safetensors_header import SAFETENSORS, BrokenModel, ModelHeader, read_header

#: Endings of files that can run code: pickles, Python, and a checkpoint's configuration, which names what to import.
CODE: Final = frozenset({".ckpt", ".pt", ".pth", ".bin", ".py", ".yaml"})
#: Bytes of a stored model that are kept to read its header from: those of the largest models have a tenth of it.
HEADER_BYTES: Final = 16 * 1024 * 1024
#: File of the prompt styles, and its folder.
STYLES: Final = "styles.csv"
STYLES_FOLDER: Final = "styles"
#: Folders from which one engine or the other reads.
FOLDERS: Final = tuple(
    sorted(
        {
            *WEBUI_MODEL_FOLDERS,
            *COMFYUI_MODEL_FOLDERS,
            *(name for names in COMFYUI_FURTHER_FOLDERS.values() for name in names),
            STYLES_FOLDER,
        }
    )
)


@dataclass(frozen=True)
class UploadTarget:
    """Key of a file in the bucket, its header if it has one, and what the user should know."""

    key: str
    header: ModelHeader | None
    warnings: tuple[str, ...]


def upload_target(path: Path, folder: str | None, *, allow_code: bool) -> UploadTarget:
    """Return where a file goes; raises Refused if it should not be uploaded."""
    with path.open("rb") as file:
        return target_of(path, file, path.stat().st_size, folder, allow_code=allow_code)


def target_of(path: Path, content: BinaryIO, size: int, folder: str | None, *, allow_code: bool) -> UploadTarget:
    """Return where a file of this name and size goes, by its first bytes; raises Refused if it should not go there."""
    header: ModelHeader | None = None
    warnings: list[str] = []
    if path.suffix == SAFETENSORS:
        try:
            header = read_header(content, size)
        except BrokenModel as error:
            raise Refused(f"{path} is not uploaded: {error}") from None
        if folder is None and header.type is None:
            raise Refused(f"{path} is of an unknown model type; pass its folder, for example --folder Lora")
        folder = folder or (header.type.folder if header.type else None)
    elif path.suffix in CODE:
        if not allow_code:
            raise Refused(
                f"{path} can run code on the machine that loads it;"
                f" use {SAFETENSORS}, or --allow-code if you trust its author"
            )
        warnings.append(f"the author of {path} can run code on the machine that loads it")
    elif path.name == STYLES:
        folder = folder or STYLES_FOLDER
    else:
        raise Refused(
            f"{path} is not a model file; its name must end in {SAFETENSORS} or {', '.join(sorted(CODE))}, or be"
            f" {STYLES}"
        )
    if folder is None:
        raise Refused(f"{path} does not name its type; pass its folder, for example --folder Stable-diffusion")
    key = checked_key(f"{folder.strip('/')}/{path.name}")
    first, _, _ = key.partition("/")
    if first not in FOLDERS:
        close = difflib.get_close_matches(first, FOLDERS, n=1)
        advice = f"did you mean {close[0]}?" if close else f"known folders are {', '.join(FOLDERS)}"
        warnings.append(f"no engine reads models from the folder {first}; {advice}")
    return UploadTarget(key, header, tuple(warnings))


def checked_key(key: str) -> str:
    """Return a model's key; raises Refused if it would lead out of the models folder."""
    if not is_checkpoint_name(key) or key.startswith(("/", ".")) or "\\" in key or "/." in key:
        raise Refused(f"{key!r} cannot be the name of a model: it would lead out of the models folder")
    return key


def difference(path: Path, stored: StoredModel, store: ModelStore) -> str | None:
    """Return in what a file differs from the stored model of its name; None if they are the same."""
    size, checksum = path.stat().st_size, store.checksum(stored)
    when = f", uploaded {stored.modified:%Y-%m-%d %H:%M} UTC"
    if size != stored.size:
        return f"it has {stored.size:,} bytes{when}, the file {size:,}"
    own = checksum_of(path)
    if checksum == own:
        return None
    return f"it has the same size and {f'SHA-256 {checksum}' if checksum else 'no checksum'}{when}, the file {own}"


def problem_of(store: ModelStore, model: StoredModel, advance: Advance) -> str | None:
    """Return what is wrong with a stored model, None if no mistake was found."""
    if not model.size:
        return "it is empty"
    digest, beginning = hashlib.sha256(), bytearray()
    for block in store.read(model):
        digest.update(block)
        beginning += block[: max(HEADER_BYTES - len(beginning), 0)]
        advance(len(block))
    expected = store.checksum(model)
    if expected and digest.hexdigest() != expected:
        return f"its checksum is {digest.hexdigest()}, it was uploaded with {expected}"
    try:
        if model.key.endswith(SAFETENSORS):
            read_header(io.BytesIO(beginning), model.size)
    except BrokenModel as error:
        return str(error)
    return None
