"""Folders that agent and ComfyUI share on the disk: a subfolder for each task, for its inputs and for its outputs."""

import io
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from contract.media_formats import detect_medium
from contract.picture_formats import HEAD_BYTES
from runtime_image.comfyui.errors import InputsNotWritten
from runtime_image.process.engine import InputFile
from runtime_image.process.engine_settings import EngineSettings
from runtime_image.process.regular_file import create_regular, open_folder

#: Random hexadecimal digits behind the task's id: no two runs share a folder, and no other folder looks like one.
DIGITS: Final = 16
_OWN_FOLDER: Final = re.compile(rf".+-[0-9a-f]{{{DIGITS}}}")
#: Seconds for which a file outside the tasks' folders is kept: ComfyUI's cache may name it again for a later prompt.
TEMPORARY_SECONDS: Final = 3600.0
#: Bytes of a block in `st_blocks`, whatever the file system.
_BLOCK_BYTES: Final = 512
#: Bytes of one step of a copy.
_COPY_BYTES: Final = 1024 * 1024
#: The value of `type` in ComfyUI's outputs that names the folder of temporary files.
TEMPORARY: Final = "temp"


@dataclass(frozen=True)
class ComfyUiFolders:
    """ComfyUI's folders, of which each program there may make a link. No folder above them is one."""

    input: Path
    output: Path
    temp: Path
    #: Bytes of all files above which the supervisor ends ComfyUI. None: the disk is the limit.
    max_bytes: int | None = None
    #: Outputs of this agent's tasks outside their folders, because a link gave the prefix of their names.
    _strays: set[Path] = field(default_factory=set, init=False, compare=False)

    def write_inputs(self, folder: str, files: Mapping[str, InputFile | Path]) -> dict[str, str]:
        """Write or copy files into a task's folder, and return ComfyUI's name of each by its key.

        Raises:
            InputsNotWritten: if the folder takes no file.
        """
        names: dict[str, str] = {}
        # The same picture in several nodes is one file.
        written: dict[bytes | Path, str] = {}
        target = self.input / folder
        try:
            if files:
                self.input.mkdir(parents=True, exist_ok=True)
                with open_folder(self.input) as parent:
                    os.mkdir(folder, dir_fd=parent)
            for key, file in files.items():
                source = file if isinstance(file, Path) else file.data
                if source not in written:
                    format_ = detect_medium(_head(source))
                    name = f"{len(written) + 1}.{format_.extension if format_ and format_.extension else 'bin'}"
                    # It may have gigabytes.
                    with _opened(source) as original, create_regular(target / name) as copy:
                        shutil.copyfileobj(original, copy, _COPY_BYTES)
                    written[source] = f"{folder}/{name}"
                names[key] = written[source]
        except OSError as error:
            self.delete(folder)
            raise InputsNotWritten(f"the input files cannot be written: {error.strerror}") from error
        return names

    def find(self, item: dict[str, object]) -> Path | None:
        """Return the path of an output; None if it is not below its folder or does not exist."""
        is_temporary = item.get("type") == TEMPORARY
        root = self.temp if is_temporary else self.output
        try:
            path = (root / str(item.get("subfolder") or "") / str(item["filename"])).resolve()
        except (OSError, ValueError):
            return None
        if not (path.is_relative_to(root) and path.is_file()):
            return None
        if not is_temporary and not _OWN_FOLDER.fullmatch(path.relative_to(root).parts[0]):
            self._strays.add(path)
        return path

    def delete(self, folder: str) -> None:
        """Delete what a task has left, and old files outside the tasks' folders."""
        for parent in (self.input, self.output, self.temp):
            _delete_tree(parent, folder)
        oldest = time.time() - TEMPORARY_SECONDS
        for path in (*self._strays.copy(), *(self.temp.glob("*") if self.temp.is_dir() else ())):
            _delete_if_older(path, oldest)
            with suppress(OSError):
                if not path.is_file():
                    self._strays.discard(path)

    def are_full(self) -> bool:
        """Return True if the files take more of the disk than `max_bytes`."""
        if self.max_bytes is None:
            return False
        return sum(size for folder in (self.input, self.output, self.temp) for size in _sizes(folder)) > self.max_bytes

    def purge(self) -> None:
        """Delete the folders of tasks that an earlier agent has left."""
        for parent in (self.input, self.output, self.temp):
            for path in parent.iterdir() if parent.is_dir() else ():
                if _OWN_FOLDER.fullmatch(path.name):
                    _delete_tree(parent, path.name)


def folders_of(settings: EngineSettings) -> ComfyUiFolders:
    """Return the folders that the settings name."""
    return ComfyUiFolders(
        input=_fixed(settings.comfyui_input_folder),
        output=_fixed(settings.comfyui_output_folder),
        temp=_fixed(settings.comfyui_temp_folder),
        max_bytes=settings.comfyui_max_bytes,
    )


def new_folder(task_id: str) -> str:
    """Return the name of a task's folders."""
    return f"{task_id}-{secrets.token_hex(DIGITS // 2)}"


def _sizes(folder: Path) -> Iterator[int]:
    """Return the bytes that each file below a folder takes of the disk."""
    for parent, _, names in os.walk(folder):
        for name in names:
            # It may be deleted meanwhile.
            with suppress(OSError):
                yield Path(parent, name).lstat().st_blocks * _BLOCK_BYTES


def _fixed(folder: Path) -> Path:
    """Return a folder behind the folders that no program of ComfyUI can replace."""
    return folder.parent.resolve() / folder.name


def _delete_if_older(path: Path, oldest: float) -> None:
    with suppress(OSError), open_folder(path.parent) as parent:
        status = os.stat(path.name, dir_fd=parent, follow_symlinks=False)
        if stat.S_ISREG(status.st_mode) and status.st_mtime < oldest:
            os.unlink(path.name, dir_fd=parent)


def _delete_tree(parent: Path, name: str) -> None:
    with suppress(OSError), open_folder(parent) as folder:
        shutil.rmtree(name, ignore_errors=True, dir_fd=folder)


def _opened(source: bytes | Path) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _head(source: bytes | Path) -> bytes:
    with _opened(source) as file:
        return file.read(HEAD_BYTES)
