"""Calls that no engine has: `v1/download` and `v1/sync` bring models, without code, to places that are free."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final
from urllib.parse import quote, unquote, urlsplit

from contract.content_length import content_length
from contract.errors import FieldError, InvalidTask
from contract.redaction import TOKEN_FIELD, without_query
from contract.routing import model_name_forms
from contract.runpod import SYNC_ENDPOINT, endpoint_of
from contract.safetensors_header import MODEL_FOLDERS, SAFETENSORS, BrokenModel, read_header
from guarded_http.client import GuardedHttp, GuardedResponse
from guarded_http.errors import LinkRefused, LinkUnavailable
from guarded_http.network import Deadline
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.errors import TaskAborted
from runtime_image.model_downloader.bucket_index import MODEL_EXTENSIONS, BucketIndex
from runtime_image.model_downloader.disk_quota import free_bytes
from runtime_image.model_downloader.errors import DiskFull, DownloadFailed, Interrupted, KeyRefused
from runtime_image.model_downloader.folder import PART_SUFFIX, CachedModel, ModelsFolder
from runtime_image.model_downloader.partial_file import PartialFile, write_error
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog

#: Bytes of one file; the largest checkpoints there are have half of it.
MAX_FILE_BYTES: Final = 50 * 1024**3
#: Bytes between two checks of the free disk space: not every server states how much it sends.
CHECK_BYTES: Final = 64 * 1024**2
#: Bytes of a list of files, and the lists of one repository: a thousand files each.
MAX_LIST_BYTES: Final = 4 * 1024**2
MAX_LISTS: Final = 10
#: Bytes of a model's header; those of the largest known models have a tenth of it.
MAX_HEADER_BYTES: Final = 16 * 1024 * 1024
#: Characters of a name that an error repeats.
MAX_SHOWN: Final = 200
_OK: Final = 200
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_NEXT: Final = re.compile(r'<([^<>]+)>;\s*rel="next"')
_HEADERS: Final = {"User-Agent": "darkroom-agent/1", "Accept-Encoding": "identity"}


@dataclass(kw_only=True, eq=False)
class ModelCalls:
    """Runs in workers' threads. A token is sent to the hub only, and never appears in an answer or a log."""

    folder: ModelsFolder
    index: BucketIndex | None
    http: GuardedHttp
    hub_url: str
    clock: Clock
    log: EventLog

    def run(self, task: ClaimedTask) -> dict[str, Any]:
        """Carry a call out and return its answer.

        Raises:
            InvalidTask: if it is not a valid call, would leave the folders of models, or replace a model.
            LinkRefused, LinkUnavailable: if an address must not be asked, or does not give a model.
            DiskFull, DownloadFailed: if the file cannot be kept.
            TaskAborted: if the task was aborted meanwhile.
        """
        if not self.folder.directory.is_dir():
            raise DownloadFailed(f"there is no models folder {self.folder.directory} in this runtime")
        content = task.task_message.task.content
        payload, field = content.get("payload"), "task.content.payload"
        body = payload if isinstance(payload, dict) else {}
        is_sync = endpoint_of(content) == SYNC_ENDPOINT
        return self._sync(task, body, field) if is_sync else self._download(task, body, field)

    def _download(self, task: ClaimedTask, body: Mapping[str, Any], field: str) -> dict[str, Any]:
        source, target = _texts(body, field, "source_url", "download_path")
        name = target
        if target.endswith("/"):
            name += PurePosixPath(unquote(urlsplit(source).path)).name
        target_file = self._file_of(name, f"{field}.download_path")
        self._check_new(name, f"{field}.download_path")
        self._fetch(task, source, target_file, headers={}, sha256=None)
        return {"msg": "downloaded", "source_url": without_query(source), "download_path": target}

    def _sync(self, task: ClaimedTask, body: Mapping[str, Any], field: str) -> dict[str, Any]:
        repository, target = _texts(body, field, "repo_id", "sync_path")
        if not _REPOSITORY.fullmatch(repository):
            raise InvalidTask([FieldError(f"{field}.repo_id", "must be a name such as stabilityai/sd-vae-ft-mse")])
        token = body.get(TOKEN_FIELD)
        if token is not None and not (isinstance(token, str) and token.isascii() and token.isprintable()):
            raise InvalidTask([FieldError(f"{field}.hf_token", "must be a token of Hugging Face")])
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        synced = []
        for entry in self._files_of(task, repository, headers):
            name = f"{target.rstrip('/')}/{entry['path']}"
            if not entry["path"].endswith(SAFETENSORS):
                # Such as README.md, or a file that can run code.
                continue
            target_file = self._file_of(name, f"{field}.sync_path")
            sha256 = (entry.get("lfs") or {}).get("oid")
            if _is_same(target_file, entry.get("size"), sha256):
                continue
            self._check_new(name, f"{field}.sync_path")
            source = f"{self.hub_url}/{repository}/resolve/main/{quote(entry['path'])}"
            self._fetch(task, source, target_file, headers=headers, sha256=sha256)
            synced.append(name)
        return {"synced_count": len(synced), "synced_files": synced}

    def _files_of(self, task: ClaimedTask, repository: str, headers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        url: str | None = f"{self.hub_url}/api/models/{repository}/tree/main?recursive=true"
        for _ in range(MAX_LISTS):
            if url is None:
                return
            with self.http.get(url, headers={**_HEADERS, **headers}, deadline=self._deadline(task)) as answer:
                _check_answer(answer)
                listing = _read_list(answer)
                link = _NEXT.search(answer.headers.get("link", ""))
            for entry in listing:
                match entry:
                    case {"type": "file", "path": str()}:
                        yield entry
            url = link[1] if link and link[1].startswith(f"{self.hub_url}/") else None

    def _fetch(
        self,
        task: ClaimedTask,
        url: str,
        target_file: CachedModel,
        *,
        headers: Mapping[str, str],
        sha256: str | None = None,
    ) -> None:
        target_file.path.parent.mkdir(parents=True, exist_ok=True)
        # Of this task alone: two tasks that bring the same file do not write into each other's.
        temporary = target_file.part.with_suffix(f".{task.lease.run_id}{PART_SUFFIX}")
        started_at = self.clock.monotonic()
        try:
            # The lock keeps other downloads from evicting the file.
            with closing(PartialFile.lock(temporary, is_wanted=lambda: not task.aborted.is_set())) as part:
                with temporary.open("wb") as file:
                    count = self._receive(task, url, headers, file, sha256)
                _check_model(temporary)
                part.publish_new(target_file.path)
        except FileExistsError:
            raise LinkRefused(f"another task has brought {target_file.path.name} meanwhile") from None
        except Interrupted as error:
            raise TaskAborted from error
        except OSError as error:
            raise write_error(error, target_file.path) from error
        finally:
            temporary.unlink(missing_ok=True)
        seconds = round(self.clock.monotonic() - started_at, 3)
        self.log.info(
            "model_downloaded", task_id=task.metadata.id, file=target_file.path.name, bytes=count, seconds=seconds
        )

    def _receive(
        self, task: ClaimedTask, url: str, headers: Mapping[str, str], file: BinaryIO, sha256: str | None
    ) -> int:
        """Write the content of a link to a file; return its checked number of bytes."""
        with self.http.get(url, headers={**_HEADERS, **headers}, deadline=self._deadline(task)) as answer:
            _check_answer(answer)
            size = self._check_size(answer)
            digest, count, checked_at = hashlib.sha256(), 0, 0
            for chunk in answer.chunks():
                file.write(chunk)
                digest.update(chunk)
                count += len(chunk)
                if count > MAX_FILE_BYTES:
                    raise LinkRefused(f"it is larger than {MAX_FILE_BYTES // 1024**3} GiB")
                if count - checked_at >= CHECK_BYTES:
                    checked_at = count
                    if free_bytes(self.folder) <= 0:
                        raise DiskFull(f"the disk of {self.folder.directory} has no room for the rest of it")
                if task.aborted.is_set():
                    raise TaskAborted
        if size is not None and count != size:
            raise LinkUnavailable(f"{answer.target.host} sent {count} bytes of {size}")
        if sha256 is not None and digest.hexdigest() != sha256:
            raise LinkUnavailable(f"{answer.target.host} sent something else than the repository lists")
        return count

    def _check_size(self, answer: GuardedResponse) -> int | None:
        size = content_length(answer.headers.get("content-length"))
        if size is None:
            return None
        if size > MAX_FILE_BYTES:
            raise LinkRefused(f"it is larger than {MAX_FILE_BYTES // 1024**3} GiB")
        if size > free_bytes(self.folder):
            raise DiskFull(f"it has {size // 1024**2} MiB, more than are free in {self.folder.directory}")
        return size

    def _file_of(self, name: str, field: str) -> CachedModel:
        folder = name.partition("/")[0]
        if folder not in MODEL_FOLDERS or not name.endswith(SAFETENSORS):
            folders = ", ".join(sorted(MODEL_FOLDERS))
            message = f"must lead to a {SAFETENSORS} file in one of {folders}, not to {name[:MAX_SHOWN]!r}"
            raise InvalidTask([FieldError(field, message)])
        try:
            return self.folder.cached_model(name)
        except KeyRefused as error:
            raise InvalidTask([FieldError(field, f"must stay inside the models folder: {error.message}")]) from None

    def _check_new(self, name: str, field: str) -> None:
        """Raise InvalidTask if the bucket or the folder holds a model that requests name in the same way."""
        folder, _, rest = name.partition("/")
        stem = PurePosixPath(rest).stem
        taken = any(path.stem == stem for path in (self.folder.directory / folder).rglob("*"))
        if index := self.index:
            taken = taken or any(index.find(folder, form) for form in model_name_forms(rest, MODEL_EXTENSIONS))
        if taken:
            raise InvalidTask(
                [FieldError(field, f"{folder} holds a model {stem[:MAX_SHOWN]!r} already; write another name")]
            )

    def _deadline(self, task: ClaimedTask) -> Deadline:
        return Deadline(clock=self.clock, seconds=max(task.deadline - self.clock.monotonic(), 0.0))


def _check_model(path: Path) -> None:
    with path.open("rb") as file:
        try:
            read_header(file, path.stat().st_size, max_bytes=MAX_HEADER_BYTES)
        except BrokenModel as error:
            raise LinkRefused(f"what it points to is not a model: {error}") from None


def _texts(body: Mapping[str, Any], field: str, *names: str) -> tuple[str, ...]:
    errors = [
        FieldError(f"{field}.{name}", "is required: a text")
        for name in names
        if not isinstance(body.get(name), str) or not body[name]
    ]
    if errors:
        raise InvalidTask(errors)
    return tuple(body[name] for name in names)


def _check_answer(answer: GuardedResponse) -> None:
    if answer.status != _OK:
        raise LinkUnavailable(f"{answer.target.host} answered {answer.status}")


def _read_list(answer: GuardedResponse) -> list[Any]:
    content = bytearray()
    for chunk in answer.chunks():
        content += chunk
        if len(content) > MAX_LIST_BYTES:
            raise LinkRefused("the repository's list of files is too large")
    try:
        listing = json.loads(content)
    except (ValueError, RecursionError):
        listing = None
    if not isinstance(listing, list):
        raise LinkUnavailable(f"{answer.target.host} did not answer with a list of files")
    return listing


def _is_same(target_file: CachedModel, size: object, sha256: str | None) -> bool:
    if not target_file.path.is_file() or target_file.path.stat().st_size != size or sha256 is None:
        return False
    with target_file.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
