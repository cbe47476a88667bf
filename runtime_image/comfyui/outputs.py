"""Outputs of a workflow: the files that its nodes made, in a fixed order, and ComfyUI's list of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from contract.json_values import compact_json
from contract.media_formats import detect_medium
from contract.picture_formats import HEAD_BYTES
from runtime_image.comfyui.errors import ComfyUiFailed, TooManyOutputs
from runtime_image.comfyui.folders import TEMPORARY, ComfyUiFolders
from runtime_image.process.engine import MadeFile, Outputs
from runtime_image.process.regular_file import open_regular

#: Files of one workflow, and bytes of each, that are stored.
MAX_FILES: Final = 200
MAX_FILE_BYTES: Final = 2 * 1024**3
#: Formats without a mark in their content, by the ending of their names: content type and kind.
_BY_ENDING: Final = {
    "txt": ("text/plain", "text"),
    "json": ("application/json", "text"),
    "html": ("text/html", "text"),
    "svg": ("image/svg+xml", "image"),
    "latent": ("application/octet-stream", "latent"),
}
#: Kinds by the first part of a content type.
_KINDS: Final = frozenset({"image", "video", "audio", "text"})
_UNKNOWN_TYPE: Final = "application/octet-stream"
_MAX_ENDING: Final = 12
#: Digits of a node's number; Python refuses to read thousands of them.
_MAX_DIGITS: Final = 18
#: Keys of a stored file in the list: its number, its kind and its address.
_PLACE: Final = ("n", "kind", "s3_url")


@dataclass(frozen=True)
class ComfyUiOutputs(Outputs):
    """Outputs with the list that names them."""

    #: The list without addresses, and the entries of the files, in the order of the pictures.
    listing: dict[str, Any] = field(default_factory=dict)
    entries: tuple[dict[str, Any], ...] = ()

    def response_with(self, urls: Sequence[str]) -> bytes:
        """Return the list with the number, the kind and the address of each stored file."""
        for number, (entry, file, url) in enumerate(zip(self.entries, self.files, urls, strict=True), 1):
            entry |= dict(zip(_PLACE, (number, file.kind, url), strict=True))
        return compact_json(self.listing).encode()


def read_outputs(
    entry: Mapping[str, Any], *, prompt_id: str, graph: Mapping[str, Any], folder: str, folders: ComfyUiFolders
) -> ComfyUiOutputs:
    """Return the files of an entry of the history, and the list of all outputs.

    Args:
        entry: The entry. Its files are on the disk.
        prompt_id: Id of the prompt.
        graph: The graph as the sender wrote it.
        folder: The task's subfolder, which the names in the list leave out.
        folders: ComfyUI's folders.

    Raises:
        TooManyOutputs: if there are more files, or larger ones, than are stored.
        ComfyUiFailed: if a file is missing.
    """
    outputs: dict[str, Any] = {}
    found: list[tuple[str, dict[str, Any]]] = []
    raw = entry.get("outputs")
    for node_id in sorted(raw if isinstance(raw, dict) else {}, key=_order):
        node = graph.get(node_id) or {}
        described: dict[str, Any] = {"class_type": str(node.get("class_type") or "")}
        outputs[node_id] = described
        if title := (node.get("_meta") or {}).get("title"):
            described["title"] = title
        for key, value in sorted(entry["outputs"][node_id].items()):
            described[key] = [_without_place(item) for item in (value if isinstance(value, list) else [value])]
            found += [(node_id, item) for item in described[key] if isinstance(item, dict) and item.get("filename")]
    stored = [one for one in found if one[1].get("type") != TEMPORARY] or found
    if len(stored) > MAX_FILES:
        raise TooManyOutputs(f"the workflow made {len(stored)} files; {MAX_FILES} are stored")
    files = tuple(_file(node_id, item, folders) for node_id, item in stored)
    for _, item in found:
        item["subfolder"] = str(item.get("subfolder") or "").removeprefix(folder).removeprefix("/")
    messages = dict(_messages(entry))
    listing = {
        "prompt_id": prompt_id,
        "outputs": outputs,
        "execution": {
            "start": messages.get("execution_start", {}).get("timestamp"),
            "end": next((data.get("timestamp") for _, data in reversed(list(_messages(entry)))), None),
        },
        "cached": sorted(map(str, messages.get("execution_cached", {}).get("nodes") or ()), key=_order),
    }
    return ComfyUiOutputs(files, b"", listing, tuple(item for _, item in stored))


def _file(node_id: str, item: dict[str, Any], folders: ComfyUiFolders) -> MadeFile:
    name = str(item["filename"])
    path = folders.find(item)
    if path is None:
        raise ComfyUiFailed(f"the file {name!r} of node {node_id} is missing")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise TooManyOutputs(f"the file {name!r} of node {node_id} has {size} bytes; {MAX_FILE_BYTES} are stored")
    extension, content_type, kind = _format(path)
    return MadeFile(path, extension, content_type, node_id=node_id, kind=kind, filename=name)


def _format(path: Path) -> tuple[str, str, str]:
    """Return ending, content type and kind of a file by its content, or by its name if the content has no mark."""
    with open_regular(path) as file:
        found = detect_medium(file.read(HEAD_BYTES))
    if found and found.extension:
        kind = found.content_type.partition("/")[0]
        return found.extension, found.content_type, kind if kind in _KINDS else "file"
    ending = PurePosixPath(path.name).suffix.removeprefix(".").lower()
    if not (ending.isascii() and ending.isalnum() and len(ending) <= _MAX_ENDING):
        ending = "bin"
    return (ending, *_BY_ENDING.get(ending, (_UNKNOWN_TYPE, "file")))


def _messages(entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for message in (entry.get("status") or {}).get("messages") or ():
        match message:
            case [str(kind), dict(data)]:
                yield kind, data


def _without_place(item: object) -> object:
    """Return a copy of an item in which a custom node names no place. The edge reads what is there."""
    return {name: value for name, value in item.items() if name not in _PLACE} if isinstance(item, dict) else item


def _order(node_id: object) -> tuple[int, int, str]:
    """Return the place of a node: numbers by their value, then texts."""
    text = str(node_id)
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
    return (0, int(text), text) if is_number else (1, 0, text)
