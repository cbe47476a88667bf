"""Models on the container's disk: those of the image are linked, the others are downloaded while the Web UI starts."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from contract.model_folders import WEBUI_MODEL_FOLDERS
from contract.settings import InvalidEnvironment
from runtime_image.process.exit_codes import ExitCode
from runtime_image.supervisor.managed_process import ManagedProcess

#: Exit codes that the downloader chooses; any other end is a failed download.
_CHOSEN: Final = frozenset(
    {ExitCode.STOPPED, ExitCode.MODEL_MISSING, ExitCode.DISK_FULL, ExitCode.DOWNLOAD_FAILED, ExitCode.INVALID_SETTINGS}
)


@dataclass(kw_only=True, eq=False)
class ModelDownload(ManagedProcess):
    """Runs the downloader once. The container ends if the download fails."""

    is_needed: bool
    #: Set once everything that must be fetched is there.
    on_disk: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        if not self.is_needed:
            self.on_disk.set()

    def start_if_due(self, now: float) -> bool:
        """Start the download, once. Return True if it was started."""
        return not self.on_disk.is_set() and super().start_if_due(now)

    def record_exit(self, status: int, now: float) -> ExitCode:
        """Record the download's end. Return its meaning: STOPPED if everything is there."""
        self.record_end(now, was_requested=True)
        code = ExitCode(status) if status in _CHOSEN else ExitCode.DOWNLOAD_FAILED
        if code is ExitCode.STOPPED:
            self.on_disk.set()
        return code


def make_webui_folders(folder: Path) -> None:
    """Make the folders of models that the Web UI expects; raises InvalidEnvironment if `folder` is not writable."""
    for name in WEBUI_MODEL_FOLDERS:
        _make_folder(folder / name)


def link_baked_models(source: Path | None, folder: Path) -> int:
    """Link the image's models in `source` into `folder`, a volume that is empty at the container's start.

    A file that exists in `folder` stays as it is. Returns the number of files in `source`.

    Raises:
        InvalidEnvironment: if the folder is not writable.
    """
    if source is None:
        return 0
    files = [path for path in source.rglob("*") if path.is_file()]
    for file in files:
        link = folder / file.relative_to(source)
        _make_folder(link.parent)
        try:
            if not os.path.lexists(link):
                link.symlink_to(file)
        except OSError as error:
            raise InvalidEnvironment(f"MODELS_DIRECTORY: {link} cannot be made: {error.strerror}") from error
    return len(files)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidEnvironment(f"MODELS_DIRECTORY: {folder} cannot be made: {error.strerror}") from error
