"""Preparation of a task: models are fetched, names are checked, links become pictures, and the call is built."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from contract import runpod
from contract.errors import InvalidTask
from contract.task import Task, TaskType
from guarded_http.errors import LinkRefused
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.engine import Engine, EngineDraft
from runtime_image.agent.core.engine_health import HOLD_SECONDS
from runtime_image.agent.core.errors import StorageFailed, TaskAborted
from runtime_image.agent.core.worker_pools import MAX_AHEAD
from runtime_image.agent.prepare.inputs.picture_resolver import PictureResolver
from runtime_image.agent.prepare.model_cache import ModelCache
from runtime_image.agent.prepare.model_calls import ModelCalls
from runtime_image.model_downloader.errors import BucketUnreachable
from runtime_image.process.clock import Clock
from runtime_image.process.engine import EngineUnreachable
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry

Fetched = TypeVar("Fetched")

#: Part of a task's time limit for which its preparation waits for S3. The rest is for the generation, because a task
#: that reaches its limit has failed for good, and a released one has not.
STORAGE_PART: Final = 0.5
#: The shortest time limit of a check: a task whose own limit has almost passed gets an answer too.
MIN_TIMEOUT_SECONDS: Final = 0.5


@dataclass(kw_only=True, eq=False)
class TaskPreparer:
    """The first stage of a claimed task; a slow link delays its own task only."""

    name = "prepare"
    workers = MAX_AHEAD

    engine: Engine
    pictures: PictureResolver
    model_cache: ModelCache | None
    model_calls: ModelCalls
    retry: Retry
    clock: Clock
    log: EventLog

    def run(self, task: ClaimedTask) -> None:
        """Prepare the task's call, or carry the task out if it only needs the models folder."""
        try:
            self._prepare(task)
        except InvalidTask as refused:
            cause = refused.__cause__
            if isinstance(cause, LinkRefused) and (address := cause.private_address):
                self.log.warning("private_address_refused", task_id=task.metadata.id, address=address)
            raise

    def _prepare(self, task: ClaimedTask) -> None:
        description = task.task_message.task
        if _is_model_call(description):
            task.answer = self._await_storage(task, lambda: self.model_calls.run(task))
            task.is_carried_out = True
            return
        # Refuses a task that cannot be carried out before anything is fetched for it.
        draft = self.engine.draft(description, checkpoint=task.task_message.checkpoint)
        if self.model_cache is not None:
            # Before their names are checked: the engine looks at its folders again for a name that it does not know.
            fetch = self.model_cache.fetch
            self._await_storage(task, lambda: fetch(task, draft.models()))
        self._check(task, draft)
        files = self._await_storage(
            task,
            lambda: self.pictures.resolve(
                draft.inputs(), draft.path, task_id=task.metadata.id, etags=task.task_message.etags
            ),
        )
        task.call = draft.call(files)
        if task.aborted.is_set():
            # Its completion has found no call yet, so its files would stay on the disk.
            task.call.close()
            raise TaskAborted

    def _await_storage(self, task: ClaimedTask, fetch: Callable[[], Fetched]) -> Fetched:
        """Fetch again while S3 cannot be reached, because a release would cost the task one of its deliveries."""
        gives_up_at = task.claimed_at + STORAGE_PART * (task.deadline - task.claimed_at)
        return self.retry.call(
            fetch,
            until=lambda: task.aborted.is_set() or self.clock.monotonic() >= gives_up_at,
            errors=(StorageFailed, BucketUnreachable),
            event="storage_not_reached",
            task_id=task.metadata.id,
        )

    def _check(self, task: ClaimedTask, draft: EngineDraft) -> None:
        gives_up_at = self.clock.monotonic() + HOLD_SECONDS

        def check() -> None:
            if task.aborted.is_set():
                raise TaskAborted
            draft.check(timeout_seconds=max(task.deadline - self.clock.monotonic(), MIN_TIMEOUT_SECONDS))

        self.retry.call(
            check,
            until=lambda: self.clock.monotonic() > gives_up_at,
            errors=(EngineUnreachable,),
            event="names_not_checked",
            task_id=task.metadata.id,
        )


def _is_model_call(task: Task) -> bool:
    if task.metadata.tasktype is not TaskType.WEBUI_API or runpod.check_call(task.content, "task.content"):
        return False
    return runpod.endpoint_of(task.content) in runpod.MODEL_ENDPOINTS
