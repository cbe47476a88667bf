"""One file on its way: from an object in the bucket to a checked file in its place."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from runtime_image.model_downloader.bucket import ModelBucket
from runtime_image.model_downloader.connection import RangeConnection
from runtime_image.model_downloader.disk_quota import DiskQuota
from runtime_image.model_downloader.errors import CheckFailed, ConnectionCut, DownloadFailed, Interrupted, ObjectChanged
from runtime_image.model_downloader.folder import ModelsFolder
from runtime_image.model_downloader.partial_file import PartialFile, write_error
from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.model_downloader.ranges import Range, split_ranges, total_bytes
from runtime_image.model_downloader.remote_file import Check, RemoteFile, checks_in
from runtime_image.model_downloader.signing import SIGNATURE_SECONDS, SignedRequest
from runtime_image.model_downloader.verification import file_passes
from runtime_image.process.logs import EventLog

#: Bytes of one request. S3 gives each connection 50 to 90 MB/s: a fraction of a second, so that all end together.
RANGE_BYTES: Final = 16 * 1024 * 1024
#: Bytes after which what has come is noted: a killed process loses no more than this per connection.
NOTED_BYTES: Final = 4 * 1024 * 1024
#: Seconds between tries that bring nothing, 24 in all.
PAUSES_SECONDS: Final = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0)


class FileDownload:
    """Its ranges may be fetched by several threads at once, and are lost to none: what has come is kept."""

    def __init__(
        self,
        file: RemoteFile,
        *,
        bucket: ModelBucket,
        folder: ModelsFolder,
        quota: DiskQuota,
        progress: DownloadProgress,
        is_wanted: Callable[[], bool],
        log: EventLog,
    ) -> None:
        self.file = file
        self._bucket = bucket
        self._quota = quota
        self._progress = progress
        self._is_wanted = is_wanted
        self._log = log.bind(key=file.key)
        self._place = folder.cached_model(file.key)
        self._lock = threading.Lock()
        self._ranges_left = 0
        #: What the progress counts of this file.
        self._bytes_counted = 0
        self._is_changed = False
        self._part: PartialFile | None = None
        #: Of an answer that held the whole file: it spares a call.
        self._headers: Mapping[str, str] | None = None
        self._began_at = 0.0
        self._signed: SignedRequest | None = None
        self._signed_at = 0.0

    def begin(self) -> list[Range]:
        """Return the ranges that must be fetched; none if the file is in its place by the end of this call."""
        self._began_at = time.monotonic()
        if self._place.is_current(self.file):
            self._settle("model_unchanged")
            return []
        try:
            self._place.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(error, self._place.path) from error
        self._part = part = PartialFile.lock(self._place.part, is_wanted=self._is_wanted)
        # Whoever had it until now may have fetched it.
        if self._place.is_current(self.file):
            part.discard()
            self._settle("model_unchanged")
            return []
        if self._is_found_whole():
            self._place.record_fetched(self.file, self._place.path)
            part.discard()
            self._settle("model_found")
            return []
        ranges = split_ranges(self._quota.begin(part, self.file), RANGE_BYTES)
        self._count_found(self.file.size - total_bytes(ranges))
        self._ranges_left = len(ranges)
        if not ranges:
            self._finish(part)
        return ranges

    def fetch(self, wanted: Range, connection: RangeConnection) -> None:
        """Fetch one of the ranges, however often the connection is cut; the last one to end finishes the file.

        Raises:
            ObjectChanged: by the last range, if the bucket holds another object by now.
            CheckFailed: by the last range, if what came is not what the bucket holds. Nothing of it is kept.
        """
        assert self._part is not None  # noqa: S101 - `begin` returned the range; tells the type checker
        try:
            if not self._is_changed:
                self._fetch(self._part, wanted, connection)
        except ObjectChanged:
            self._is_changed = True
        with self._lock:
            self._ranges_left -= 1
            is_last = not self._ranges_left
        if is_last:
            self._finish(self._part)

    def close(self) -> None:
        """End the transfer, done or not; what has come of an unfinished file is kept. No range may be running."""
        if self._part is not None:
            self._part.close()
        self._part = None

    def _fetch(self, part: PartialFile, wanted: Range, connection: RangeConnection) -> None:
        position, failures = wanted.start, 0
        while position < wanted.end and not self._is_changed:
            noted = position
            try:
                for block in connection.read(self._request(), self.file, Range(position, wanted.end)):
                    part.write(block, position)
                    position += len(block)
                    failures = 0
                    self._count_fetched(len(block))
                    if position - noted >= NOTED_BYTES:
                        part.finish(Range(noted, position))
                        noted = position
                    if not self._is_wanted():
                        raise Interrupted(f"{self.file.key} is not wanted any more")
            except ConnectionCut as error:
                if failures >= len(PAUSES_SECONDS):
                    raise DownloadFailed(f"{self.file.key} cannot be fetched: {error}") from error
                # It may have been refused for its signature.
                self._signed = None
                self._log.debug("range_cut", position=position, reason=str(error))
                time.sleep(PAUSES_SECONDS[failures])
                failures += 1
            finally:
                if position > noted:
                    part.finish(Range(noted, position))
        if wanted == Range(0, self.file.size):
            self._headers = connection.headers

    def _request(self) -> SignedRequest:
        """Return a signed request; ranges share one while it is good, since signing takes longer than asking."""
        with self._lock:
            if self._signed is None or time.monotonic() - self._signed_at > SIGNATURE_SECONDS / 2:
                self._signed, self._signed_at = self._bucket.sign(self.file), time.monotonic()
            return self._signed

    def _finish(self, part: PartialFile) -> None:
        headers = None if self._is_changed else self._headers or self._bucket.headers_of(self.file)
        if headers is None:
            self._count_found(-self._bytes_counted)
            part.discard()
            raise ObjectChanged(self.file.key)
        check = self._check(headers)
        if check is not None and not part.passes(*check):
            self._count_found(-self._bytes_counted)
            part.discard()
            raise CheckFailed(f"{self.file.key} came with another {check[0].algorithm} than the bucket says")
        try:
            # The lock goes with the name: whoever waits for it must find the note, or would fetch the file again.
            self._place.record_fetched(self.file, part.path)
            part.publish(self._place.path)
        except OSError as error:
            raise write_error(error, self._place.path) from error
        self._settle("model_fetched", checked_by=check[0].algorithm if check else "size and ETag")

    def _is_found_whole(self) -> bool:
        """Tell whether the file came onto the disk another way, or before the machine's restart, and is this one."""
        try:
            descriptor = os.open(self._place.path, os.O_RDONLY)
        except OSError:
            return False
        try:
            if os.fstat(descriptor).st_size != self.file.size:
                return False
            headers = self._bucket.headers_of(self.file)
            check = self._check(headers) if headers is not None else None
            return check is not None and file_passes(descriptor, self.file.size, *check)
        finally:
            os.close(descriptor)

    def _check(self, headers: Mapping[str, str]) -> tuple[Check, int] | None:
        """Return the best check that can be computed, with the size of the upload's parts if it is made of parts."""
        for check in checks_in(self._bucket.without_false_md5(headers), self.file.size):
            part_bytes = self._bucket.part_bytes(self.file, check.parts) if check.parts else 0
            if part_bytes is not None:
                return check, part_bytes
        return None

    def _count_found(self, count: int) -> None:
        with self._lock:
            self._bytes_counted += count
        self._progress.found(count)

    def _count_fetched(self, count: int) -> None:
        with self._lock:
            self._bytes_counted += count
        self._progress.fetched(count)

    def _settle(self, event: str, **fields: object) -> None:
        self.close()
        self._count_found(self.file.size - self._bytes_counted)
        self._progress.file_done()
        seconds = round(time.monotonic() - self._began_at, 3)
        self._log.info(event, bytes=self.file.size, seconds=seconds, **fields)
