"""The download of the models beside the Web UI's start: run once, and the container ends if it fails."""

import threading
from typing import Final

from runtime_image.process.exit_codes import ExitCode
from runtime_image.supervisor.child import Child
from runtime_image.supervisor.kept_process import KeptProcess

#: Ends that the downloader means; any other is a failed download.
_MEANT: Final = frozenset(
    {ExitCode.STOPPED, ExitCode.MODEL_MISSING, ExitCode.DISK_FULL, ExitCode.DOWNLOAD_FAILED, ExitCode.INVALID_SETTINGS}
)


class Models:
    """`downloader` is None if there is nothing to fetch."""

    def __init__(self, downloader: KeptProcess | None) -> None:
        self.downloader = downloader
        #: Set once everything that had to be fetched is there.
        self.on_disk = threading.Event()
        if downloader is None:
            self.on_disk.set()

    def has(self, child: Child) -> bool:
        """Tell whether this is the process of the download."""
        return self.downloader is not None and child is self.downloader.child

    def start_if_due(self, now: float) -> None:
        """Start the download, the first time."""
        if self.downloader and not self.on_disk.is_set():
            self.downloader.start_if_due(now)

    def ended(self, status: int, now: float) -> ExitCode:
        """Note the download's end; return what it means, STOPPED if everything is there."""
        if self.downloader:
            self.downloader.ended(now, as_asked=True)
        code = ExitCode(status) if status in _MEANT else ExitCode.DOWNLOAD_FAILED
        if code is ExitCode.STOPPED:
            self.on_disk.set()
        return code
