"""Cache of the models that tasks name. They are fetched while earlier tasks generate, and unused ones are deleted."""

import threading
from collections.abc import Iterable, Iterator
from typing import Final
from weakref import WeakKeyDictionary

from contract.routing import checkpoint_name, is_checkpoint_name
from contract.storage import CHECKPOINT_FOLDER, checkpoint_key
from runtime_image.agent.core.claimed_task import ClaimedTask, TaskPhase
from runtime_image.agent.core.engine import Engine
from runtime_image.agent.core.errors import TaskAborted
from runtime_image.model_downloader.bucket import ModelBucket, RemoteFile
from runtime_image.model_downloader.bucket_index import BucketIndex
from runtime_image.model_downloader.disk_quota import DiskQuota
from runtime_image.model_downloader.downloader import Downloader
from runtime_image.model_downloader.errors import DiskFull, Interrupted
from runtime_image.model_downloader.folder import ModelsFolder
from runtime_image.model_downloader.progress import DownloadProgress
from runtime_image.model_downloader.selection import belongs_to_checkpoint, companion_keys
from runtime_image.process.engine import ModelReference, UnknownModel
from runtime_image.process.logs import EventLog

#: Seconds between two checks whether a task that waits for its turn to fetch was aborted.
WAIT_SECONDS: Final = 0.5
#: Phases in which a task needs its models, and those in which it goes on independently of others.
_NEEDING: Final = frozenset({TaskPhase.PREPARING, TaskPhase.READY, TaskPhase.GENERATING})
_GOING_ON: Final = frozenset({TaskPhase.READY, TaskPhase.GENERATING})


class ModelCache:
    """Runs in workers' threads; one fetches at a time, so that the first task's model is complete first."""

    def __init__(
        self,
        *,
        bucket: ModelBucket,
        index: BucketIndex,
        folder: ModelsFolder,
        max_bytes: int | None,
        engine: Engine,
        log: EventLog,
    ) -> None:
        self._bucket = bucket
        self._index = index
        self._folder = folder
        self._engine = engine
        self._log = log
        self._quota = DiskQuota(folder, max_bytes=max_bytes, is_needed=self._is_needed, log=log)
        self._fetching = threading.Lock()
        self._lock = threading.Lock()
        self._keys_of: WeakKeyDictionary[ClaimedTask, frozenset[str]] = WeakKeyDictionary()

    def fetch(self, task: ClaimedTask, models: Iterable[ModelReference]) -> None:
        """Return once every model of the task is on disk, as far as the bucket holds it.

        Args:
            task: Until it has ended, none of its models is deleted.
            models: The models that its call names.

        Raises:
            UnknownModel: if a required checkpoint is neither in the bucket nor on disk.
            ModelError: if a model cannot be fetched.
            TaskAborted: if the task was aborted meanwhile.
        """
        files = {file.key: file for file in self._files(models)}
        with self._quota.evicting, self._lock:
            self._keys_of[task] = frozenset(files)
        for key in files:
            self._folder.mark_used(key)
        missing = [file for file in files.values() if not self._folder.cached_model(file.key).is_current(file)]
        if missing:
            self._fetch(task, missing)

    def _fetch(self, task: ClaimedTask, files: list[RemoteFile]) -> None:
        log = self._log.bind(task_id=task.metadata.id)
        log.info("models_needed", keys=[file.key for file in files])
        while not task.aborted.is_set():
            if not self._fetching.acquire(timeout=WAIT_SECONDS):
                continue
            try:
                progress = DownloadProgress(files=len(files), total_bytes=sum(file.size for file in files))
                task.fetching = progress
                Downloader(
                    bucket=self._bucket,
                    folder=self._folder,
                    quota=self._quota,
                    progress=progress,
                    log=log,
                    is_wanted=lambda: not task.aborted.is_set(),
                ).run(files)
            except Interrupted as error:
                raise TaskAborted from error
            except DiskFull:
                # Earlier tasks that go on by themselves will not need their models any more.
                if not self._others_go_on(task):
                    raise
            else:
                return
            finally:
                task.fetching = None
                self._fetching.release()
            task.aborted.wait(WAIT_SECONDS)
        raise TaskAborted

    def _files(self, models: Iterable[ModelReference]) -> Iterator[RemoteFile]:
        for model in models:
            if model.folder == CHECKPOINT_FOLDER:
                yield from self._checkpoint_files(model.name, must_exist=model.is_required)
                continue
            # A model that the bucket does not hold may be in the image; the engine's own list decides.
            found = (self._index.find(folder, model.name) for folder in (model.folder, *model.further_folders))
            yield from (file for file in [next(filter(None, found), None)] if file)

    def _checkpoint_files(self, name: str, *, must_exist: bool) -> Iterator[RemoteFile]:
        file_name = checkpoint_name(name)
        found = self._index.find(CHECKPOINT_FOLDER, file_name)
        if found:
            yield found
            yield from filter(None, map(self._index.find_key, companion_keys([found.key])))
        elif must_exist and not self._is_on_disk(file_name):
            raise UnknownModel(f"there is no model {file_name!r} in the model bucket any more")

    def _is_on_disk(self, file_name: str) -> bool:
        return is_checkpoint_name(file_name) and self._folder.cached_model(checkpoint_key(file_name)).path.exists()

    def _is_needed(self, key: str) -> bool:
        # A model that no task can name came before the runtime was ready, and would not be fetched again.
        if not self._engine.is_named(key.partition("/")[0]):
            return True
        if any(_is_file_of(model, key) for model in self._engine.loaded_models):
            return True
        with self._lock:
            return any(key in keys and task.phase in _NEEDING for task, keys in self._keys_of.items())

    def _others_go_on(self, task: ClaimedTask) -> bool:
        with self._lock:
            return any(other is not task and other.phase in _GOING_ON for other in self._keys_of)


def _is_file_of(model: ModelReference, key: str) -> bool:
    if model.folder == CHECKPOINT_FOLDER:
        return belongs_to_checkpoint(key, model.name)
    return key in {f"{folder}/{model.name}" for folder in (model.folder, *model.further_folders)}
