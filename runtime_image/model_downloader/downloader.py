"""Download of files from the model bucket into the models folder: parallel, resumed, checked and published whole."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from runtime_image.model_downloader.bucket import CONNECTIONS, ModelBucket, RemoteFile
from runtime_image.model_downloader.checksum import file_matches
from runtime_image.model_downloader.disk_quota import DiskQuota
from runtime_image.model_downloader.errors import (
    BucketUnreachable,
    CheckFailed,
    ConnectionLost,
    DownloadFailed,
    Interrupted,
    ModelMissing,
    ObjectChanged,
)
from runtime_image.model_downloader.folder import ModelsFolder
from runtime_image.model_downloader.partial_file import PartialFile, write_error
from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.process.logs import EventLog
from runtime_image.process.threads import in_parallel

#: Bytes of one request and of one entry of the resume log, so that a killed process loses at most this per connection.
#: At 90 MB/s a part needs 0.19 s, compared with which the 20 ms until S3 answers are short.
PART_BYTES: Final = 16 * 1024 * 1024
#: Seconds between attempts that bring no bytes. Botocore has repeated each of them already.
PAUSES_SECONDS: Final = (0.0, 1.0, 4.0, 8.0)
#: Downloads of one file before it fails. Another one helps if the object was replaced meanwhile, or arrived broken.
ATTEMPTS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Downloader:
    """Downloads large files one after the other over all connections, then the small files in parallel.

    The threads are daemons, because an agent must be able to exit although S3 does not answer.
    """

    bucket: ModelBucket
    folder: ModelsFolder
    quota: DiskQuota
    progress: DownloadProgress
    log: EventLog
    is_wanted: Callable[[], bool] = lambda: True
    #: Failures of parallel jobs, which stop the others.
    _failures: list[Exception] = field(default_factory=list)

    def run(self, files: Sequence[RemoteFile]) -> None:
        """Download the files that are not on disk yet. One call per instance.

        Raises:
            ModelMissing: if a file vanished from the bucket.
            DiskFull: if a file does not fit, before any of its bytes is written.
            CheckFailed, DownloadFailed: if a file cannot be fetched. Its finished parts stay for the next time.
            Interrupted: if the files are not wanted any more.
        """
        for file in files:
            if file.size > PART_BYTES:
                self._download(file)
        self._run_all([partial(self._download, file) for file in files if file.size <= PART_BYTES])

    def _download(self, file: RemoteFile) -> None:
        """Return once a file is in its place, after as many attempts as it needs."""
        began_at = time.monotonic()
        path = self.folder.cached_model(file.key).path
        for attempt in range(1, ATTEMPTS + 1):
            try:
                event, fields = self._attempt(file)
                break
            except OSError as error:
                raise write_error(error, path) from error
            except (ObjectChanged, CheckFailed) as error:
                self.progress.on_disk(file.key, 0)
                if attempt == ATTEMPTS:
                    failure = error if isinstance(error, CheckFailed) else DownloadFailed(f"{file.key} keeps changing")
                    raise failure from error
                self.log.warning("model_download_repeated", key=file.key, reason=str(error) or type(error).__name__)
                found = self.bucket.find(file.key)
                if found is None:
                    raise ModelMissing(f"{file.key} is not in the model bucket any more") from error
                file = found
        self.progress.on_disk(file.key, file.size, is_done=True)
        seconds = round(time.monotonic() - began_at, 3)
        self.log.info(event, key=file.key, bytes=file.size, seconds=seconds, **fields)

    def _attempt(self, file: RemoteFile) -> tuple[str, dict[str, str]]:
        """Bring the checked file to its place; return the event to log, with its fields."""
        model = self.folder.cached_model(file.key)
        if model.is_current(file):
            return "model_unchanged", {}
        model.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(PartialFile.lock(model.part, is_wanted=self._goes_on)) as part:
            # The process that held the lock may have downloaded the file.
            if model.is_current(file):
                part.discard()
                return "model_unchanged", {}
            check = self.bucket.find_check(file)
            # The file may have come another way, or before the machine's restart.
            if check and model.path.is_file() and file_matches(model.path, file.size, check):
                model.record_fetched(file, model.path)
                part.discard()
                return "model_found", {}
            self._fetch_parts(file, part, self.quota.begin(part, file, PART_BYTES))
            if check and not file_matches(part.path, file.size, check):
                part.discard()
                raise CheckFailed(f"{file.key} arrived with another {check.algorithm} than the bucket states")
            part.seal()
            # Before the file moves, because the lock moves with it: the next holder must find the entry.
            model.record_fetched(file, part.path)
            part.publish(model.path)
            return "model_fetched", {"checked_by": check.algorithm if check else "size and ETag"}

    def _fetch_parts(self, file: RemoteFile, part: PartialFile, missing: list[int]) -> None:
        missing_bytes = sum(end - start for start, end in (_range(file, number) for number in missing))
        self.progress.on_disk(file.key, file.size - missing_bytes)
        jobs = [partial(self._fetch_part, file, part, number) for number in missing]
        if len(jobs) == 1:
            # In this thread, which may be one of those that download small files.
            jobs[0]()
        else:
            self._run_all(jobs)

    def _fetch_part(self, file: RemoteFile, part: PartialFile, number: int) -> None:
        """Download one part, however often its connection is lost, as long as bytes arrive in between."""
        position, end = _range(file, number)
        failures = 0
        while position < end:
            self._check_wanted(file)
            try:
                for block in self.bucket.read(file, position, end):
                    self._check_wanted(file)
                    part.write(block, position)
                    position += len(block)
                    failures = 0
                    self.progress.fetched(file.key, len(block))
            except ConnectionLost as error:
                if failures == len(PAUSES_SECONDS):
                    raise BucketUnreachable(f"{file.key} cannot be fetched: {error}") from error
                self.log.debug("part_interrupted", key=file.key, position=position, reason=str(error))
                time.sleep(PAUSES_SECONDS[failures])
                failures += 1
        part.finish_part(number)

    def _check_wanted(self, file: RemoteFile) -> None:
        if not self._goes_on():
            raise Interrupted(f"{file.key} is not wanted any more")

    def _goes_on(self) -> bool:
        return self.is_wanted() and not self._failures

    def _run_all(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Run jobs in parallel. After a failure, skip the jobs that wait, stop the others, and raise it."""
        in_parallel([partial(self._run_one, job) for job in jobs], threads=CONNECTIONS, name="model")
        if self._failures:
            failure = self._failures[0]
            self._failures.clear()
            raise failure

    def _run_one(self, job: Callable[[], None]) -> None:
        if not self._failures:
            try:
                job()
            except Exception as error:  # noqa: BLE001 - `_run_all` raises it in the caller's thread
                self._failures.append(error)


def _range(file: RemoteFile, number: int) -> tuple[int, int]:
    return number * PART_BYTES, min((number + 1) * PART_BYTES, file.size)
