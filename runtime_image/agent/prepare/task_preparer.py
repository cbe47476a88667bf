"""Preparation of a task: models are fetched, names are checked, links become pictures, and the call is built."""

from dataclasses import dataclass
from typing import Final

from contract import runpod
from contract.errors import InvalidTask
from contract.task import Task, TaskType
from guarded_http.errors import LinkRefused
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.engine import Engine, EngineDraft
from runtime_image.agent.core.engine_health import HOLD_SECONDS
from runtime_image.agent.core.errors import TaskAborted
from runtime_image.agent.core.worker_pools import MAX_AHEAD
from runtime_image.agent.prepare.inputs.picture_resolver import PictureResolver
from runtime_image.agent.prepare.model_cache import ModelCache
from runtime_image.agent.prepare.model_calls import ModelCalls
from runtime_image.process.clock import Clock
from runtime_image.process.engine import EngineUnreachable
from runtime_image.process.logs import EventLog
from runtime_image.process.retry import Retry

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
            task.answer = self.model_calls.run(task)
            task.is_carried_out = True
            return
        # Refuses a task that cannot be carried out before anything is fetched for it.
        draft = self.engine.draft(description, checkpoint=task.task_message.checkpoint)
        if self.model_cache is not None:
            # Before their names are checked: the engine looks at its folders again for a name that it does not know.
            self.model_cache.fetch(task, draft.models())
        self._check(task, draft)
        etags = task.task_message.etags
        task.call = draft.call(self.pictures.resolve(draft.inputs(), draft.path, task_id=task.metadata.id, etags=etags))
        if task.aborted.is_set():
            # Its completion has found no call yet, so its files would stay on the disk.
            task.call.close()
            raise TaskAborted

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
