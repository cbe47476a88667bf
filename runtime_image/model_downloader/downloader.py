"""All files of one download, over a fixed number of connections that work on whatever range is next."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from runtime_image.model_downloader.bucket import ModelBucket
from runtime_image.model_downloader.connection import RangeConnection
from runtime_image.model_downloader.disk_quota import DiskQuota
from runtime_image.model_downloader.errors import CheckFailed, DownloadFailed, ModelMissing, ObjectChanged
from runtime_image.model_downloader.file_download import RANGE_BYTES, FileDownload
from runtime_image.model_downloader.folder import ModelsFolder
from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.model_downloader.ranges import Range
from runtime_image.model_downloader.remote_file import RemoteFile
from runtime_image.process.logs import EventLog

#: S3 gives each 50 to 90 MB/s, so this many bring more than the disks of most GPU instances take. Twice as many wait
#: for each other at the file and bring less where the network is no limit.
CONNECTIONS: Final = 8
#: Times that a file is begun: an object that was replaced meanwhile, or came broken, gets another chance.
BEGINNINGS: Final = 3


_Job = Callable[[RangeConnection], None]


class Downloader:
    """Fetches files, the first ones first, small ones after the large ones. One call of `run` per instance."""

    def __init__(
        self,
        *,
        bucket: ModelBucket,
        folder: ModelsFolder,
        quota: DiskQuota,
        progress: DownloadProgress,
        log: EventLog,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._bucket = bucket
        self._folder = folder
        self._quota = quota
        self._progress = progress
        self._log = log
        self._is_wanted = is_wanted
        self._changed = threading.Condition()
        #: Ranges of begun files go first, so that files are whole one after the other. Small files come last: they end
        #: all connections together, whereas one that fetched them beside the large ones would be missed there.
        self._ranges: deque[_Job] = deque()
        self._large: deque[_Job] = deque()
        self._small: deque[_Job] = deque()
        self._working = 0
        self._begun: set[FileDownload] = set()
        self._failure: Exception | None = None

    def run(self, files: Sequence[RemoteFile]) -> None:
        """Fetch what is not on disk yet.

        Raises:
            ModelMissing: if a file vanished from the bucket.
            DiskFull: if it does not fit, before anything of it is written.
            CheckFailed, DownloadFailed: if a file cannot be fetched; what has come is kept for the next time.
            Interrupted: if it is not wanted any more.
        """
        for file in files:
            self._add(file, beginning=1)
        most_jobs = sum(file.size // RANGE_BYTES + 1 for file in files)
        threads = [
            threading.Thread(target=self._work, name=f"model-{number}", daemon=True)
            for number in range(min(CONNECTIONS, most_jobs))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for transfer in self._begun:
            transfer.close()
        if self._failure is not None:
            raise self._failure

    def _add(self, file: RemoteFile, beginning: int) -> None:
        files = self._large if file.size > RANGE_BYTES else self._small
        files.append(partial(self._begin, file, beginning))

    def _work(self) -> None:
        connection = RangeConnection()
        while job := self._next():
            try:
                job(connection)
            except Exception as error:  # noqa: BLE001 - raised by `run`, in the caller's thread
                self._failure = self._failure or error
            with self._changed:
                self._working -= 1
                self._changed.notify_all()
        connection.close()

    def _next(self) -> _Job | None:
        with self._changed:
            while self._failure is None:
                if waiting := self._ranges or self._large or self._small:
                    self._working += 1
                    return waiting.popleft()
                if not self._working:
                    return None
                self._changed.wait()
            return None

    def _begin(self, file: RemoteFile, beginning: int, connection: RangeConnection) -> None:
        transfer = FileDownload(
            file,
            bucket=self._bucket,
            folder=self._folder,
            quota=self._quota,
            progress=self._progress,
            is_wanted=lambda: self._failure is None and self._is_wanted(),
            log=self._log,
        )
        with self._changed:
            self._begun.add(transfer)
        ranges: list[Range] = []
        with self._another_chance(transfer, beginning):
            ranges = transfer.begin()
        if len(ranges) == 1:
            self._fetch(transfer, ranges[0], beginning, connection)
            return
        with self._changed:
            self._ranges.extend(partial(self._fetch, transfer, wanted, beginning) for wanted in ranges)
            self._changed.notify_all()

    def _fetch(self, transfer: FileDownload, wanted: Range, beginning: int, connection: RangeConnection) -> None:
        with self._another_chance(transfer, beginning):
            transfer.fetch(wanted, connection)

    @contextmanager
    def _another_chance(self, transfer: FileDownload, beginning: int) -> Iterator[None]:
        """Begin a file anew that changed, or came broken; it may still be mended by then."""
        try:
            yield
        except (ObjectChanged, CheckFailed) as error:
            transfer.close()
            key = transfer.file.key
            if beginning >= BEGINNINGS:
                raise error if isinstance(error, CheckFailed) else DownloadFailed(f"{key} keeps changing") from error
            self._log.warning("model_begun_anew", key=key, reason=str(error) or type(error).__name__)
            file = self._bucket.find(key)
            if file is None:
                raise ModelMissing(f"{key} is not in the model bucket any more") from error
            with self._changed:
                self._add(file, beginning + 1)
