"""Program that downloads a runtime's models before it is ready. The supervisor runs it while the Web UI starts."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from contract.settings import InvalidEnvironment
from runtime_image.model_downloader.bucket import RemoteFile, open_bucket
from runtime_image.model_downloader.disk_quota import DiskQuota
from runtime_image.model_downloader.downloader import Downloader
from runtime_image.model_downloader.errors import KeyRefused, ModelError
from runtime_image.model_downloader.folder import ModelsFolder
from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.model_downloader.progress_reporter import ProgressReporter
from runtime_image.model_downloader.selection import needed_at_start, preloaded, without_conflicts
from runtime_image.model_downloader.settings import ModelSettings
from runtime_image.process.aws import open_session, open_table
from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog, configure_logs

if TYPE_CHECKING:
    from task_store.repository import TaskRepository


def main() -> int:
    """Download the models; return the exit code."""
    event_log = configure_logs("INFO")
    try:
        settings = ModelSettings.from_environment(os.environ)
        event_log = configure_logs(settings.log_level)
        if settings.model_bucket:
            fetch(settings, event_log)
        else:
            event_log.info("no_model_bucket")
    except InvalidEnvironment as error:
        event_log.error("settings_invalid", reason=str(error))
        return ExitCode.INVALID_SETTINGS
    except ModelError as error:
        event_log.error("models_not_fetched", code=error.code, reason=error.message)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the exit code reports it to the supervisor
        event_log.error("models_not_fetched", error, code="internal_error")
        return ExitCode.INTERNAL_ERROR
    return ExitCode.STOPPED


def fetch(settings: ModelSettings, log: EventLog) -> None:
    """Download all files that the runtime needs; raises ModelError."""
    settings.models_directory.mkdir(parents=True, exist_ok=True)
    folder = ModelsFolder(settings.models_directory)
    bucket = open_bucket(settings.model_bucket)
    started_at = time.monotonic()
    files = _select(bucket.list(), settings, folder, log)
    keys = {file.key for file in files}
    quota = DiskQuota(folder, max_bytes=settings.models_max_bytes, is_needed=lambda key: key in keys, log=log)
    progress = DownloadProgress(files=len(files), total_bytes=sum(file.size for file in files))
    write_start = _start_writer(settings) if settings.task_table and settings.runtime else None
    with ProgressReporter(progress, state_file=settings.models_state_file, log=log, write_start=write_start):
        Downloader(bucket=bucket, folder=folder, quota=quota, progress=progress, log=log).run(files)
    snapshot = progress.snapshot()
    seconds = time.monotonic() - started_at
    log.info(
        "models_fetched",
        files=snapshot.files,
        bytes=snapshot.bytes,
        bytes_fetched=snapshot.bytes_fetched,
        seconds=round(seconds, 3),
        mb_per_second=round(snapshot.bytes_fetched / seconds / 1e6, 1),
    )


def _start_writer(settings: ModelSettings) -> Callable[[Mapping[str, int]], None]:
    @cache
    def repository() -> "TaskRepository":
        # Only a long download needs it, and its import would delay every start.
        from task_store.repository import TaskRepository  # noqa: PLC0415 - see above

        # The record of a start ends by itself, so no retention applies.
        return TaskRepository(
            client=open_table(open_session()),
            table_name=settings.task_table,
            retention_seconds=0,
            now_ms=lambda: int(time.time() * 1000),
        )

    replica = f"{socket.gethostname()}-{os.getpid()}"
    return lambda models: repository().report_start(replica, settings.runtime, models)


def _select(
    files: Iterable[RemoteFile], settings: ModelSettings, folder: ModelsFolder, log: EventLog
) -> list[RemoteFile]:
    """Return the files that the runtime needs and the folder can hold; log the others."""

    def is_baked_in(key: str) -> bool:
        if key.endswith("/"):
            return any(path.is_symlink() for path in (folder.directory / key).rglob("*"))
        return folder.cached_model(key).is_baked_in

    if settings.runtime_type == "comfyui":
        needed = preloaded(files, settings.preload, is_baked_in=is_baked_in)
    else:
        needed = needed_at_start(files, settings.model_filename, is_baked_in=is_baked_in)
    selected, conflicting = without_conflicts(needed)
    for file in conflicting:
        log.warning("model_key_refused", reason=f"{file.key!r} is the name of a folder, too")
    for file in list(selected):
        try:
            folder.cached_model(file.key)
        except KeyRefused as error:
            log.warning("model_key_refused", reason=error.message)
            selected.remove(file)
    return selected


if __name__ == "__main__":
    sys.exit(main())
