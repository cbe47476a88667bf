"""All threads that work for the loop: which stage has how many, and what each is asked to do."""

from collections.abc import Callable
from typing import Any, Final

from contract.errors import DarkroomError
from runtime_image.agent.complete.task_completion import TaskCompletion
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.events import (
    AbandonReason,
    EndingFailed,
    Event,
    HeartbeatDone,
    IntakeFailed,
    InterruptSent,
    MessageRequeued,
    PreviewStored,
    StageFailed,
    WebUiNeverReady,
)
from runtime_image.agent.core.worker_pool import WorkerPool
from runtime_image.agent.generate.adaptive_concurrency import MAX_OUTSTANDING
from runtime_image.agent.generate.generation import Generation
from runtime_image.agent.generate.readiness import Readiness
from runtime_image.agent.intake.task_claimer import TaskClaimer
from runtime_image.agent.intake.task_queue import ReceivedMessage, TaskQueue
from runtime_image.agent.prepare.task_preparer import TaskPreparer
from runtime_image.agent.store.output_uploader import OutputUploader
from runtime_image.agent.store.previews import Previews
from runtime_image.process.aws import AWS_ERRORS
from runtime_image.webui.request import WebUiRequest
from task_store.lease import LeaseLost, ProgressReport
from task_store.repository import TaskRepository

#: Tasks between the queue and the Web UI at a time: one whose links are slow must not stop the others.
MAX_AHEAD: Final = 4
#: Tasks whose outputs are being stored at a time; it bounds the memory that pictures take while S3 is slow.
MAX_STORING: Final = 6
#: Tasks that can be held, and so end, at a time. Each ending may wait for AWS for as long as a lease lasts, and must
#: keep neither another one waiting nor a look at a record: a cancelled task is to be noticed within two seconds.
MAX_HELD: Final = MAX_AHEAD + MAX_OUTSTANDING + MAX_STORING
#: Tasks whose records are looked at: until they are stored.
MAX_LOOKED_AT: Final = MAX_AHEAD + MAX_OUTSTANDING


class WorkerPools:
    """The loop's hands. Each method returns at once; its outcome is an event."""

    def __init__(
        self,
        *,
        intake: TaskClaimer,
        preparation: TaskPreparer,
        generation: Generation,
        readiness: Readiness,
        storing: OutputUploader,
        previews: Previews,
        completion: TaskCompletion,
        repository: TaskRepository,
        queue: TaskQueue,
        post: Callable[[Event], None],
    ) -> None:
        self._intake = intake
        self._preparation = preparation
        self._generation = generation
        self._readiness = readiness
        self._storing = storing
        self._previews = previews
        self._completion = completion
        self._repository = repository
        self._queue = queue
        self._receiving = WorkerPool(name="intake", count=2, post=post)
        self._preparing = WorkerPool(name="prepare", count=MAX_AHEAD, post=post)
        self._generating = WorkerPool(name="generate", count=MAX_OUTSTANDING, post=post)
        self._waiting = WorkerPool(name="ready", count=1, post=post)
        self._storers = WorkerPool(name="store", count=MAX_STORING, post=post)
        self._ending = WorkerPool(name="end", count=MAX_HELD, post=post)
        self._looking = WorkerPool(name="look", count=MAX_LOOKED_AT, post=post)
        self._previewing = WorkerPool(name="preview", count=1, post=post)
        # Waits for nothing but the Web UI.
        self._interrupting = WorkerPool(name="interrupt", count=1, post=post)

    def await_webui(self) -> None:
        """Wait until the Web UI is ready."""
        self._waiting.submit(self._readiness.wait, lambda _: WebUiNeverReady())

    def claim(self, message: ReceivedMessage) -> None:
        """Read and claim."""
        self._receiving.submit(lambda: self._intake.claim(message), lambda error: IntakeFailed(message, error))

    def requeue_message(self, message: ReceivedMessage, delay_seconds: float = 0) -> None:
        """Make a message that nobody works on visible again."""

        def requeue() -> Event:
            self._queue.requeue(message.receipt_handle, delay_seconds)
            return MessageRequeued()

        self._ending.submit(requeue, lambda _: MessageRequeued())

    def prepare(self, task: ClaimedTask) -> None:
        """Fetch links and build the request."""
        self._preparing.submit(lambda: self._preparation.prepare(task), lambda error: StageFailed(task, error))

    def load_checkpoint(self, task: ClaimedTask, name: str) -> None:
        """Switch the Web UI's model."""
        job = self._generation.load_checkpoint
        self._generating.submit(lambda: job(task, name), lambda error: StageFailed(task, error))

    def pin_options(self, task: ClaimedTask, keys: frozenset[str]) -> None:
        """Have the Web UI set these options back after every request."""
        job = self._generation.pin_options
        self._generating.submit(lambda: job(task, keys), lambda error: StageFailed(task, error))

    def generate(self, task: ClaimedTask, request: WebUiRequest) -> None:
        """Have the Web UI carry the request out."""
        self._generating.submit(lambda: self._generation.run(task, request), lambda error: StageFailed(task, error))

    def interrupt(self, task: ClaimedTask) -> None:
        """Interrupt what the Web UI runs, meant for this task."""
        self._interrupting.submit(
            lambda: self._generation.interrupt(task), lambda _: InterruptSent(task, is_accepted=False)
        )

    def store(self, task: ClaimedTask, request: WebUiRequest, answer: Any) -> None:
        """Store outputs and commit."""
        job = self._storing.store
        self._storers.submit(lambda: job(task, request, answer), lambda error: StageFailed(task, error))

    def fail(self, task: ClaimedTask, error: DarkroomError) -> None:
        """Make the task FAILED or TIMED_OUT."""
        self._end(task, lambda: self._completion.fail(task, error))

    def release(self, task: ClaimedTask, error: DarkroomError | None) -> None:
        """Return the task to the queue."""
        self._end(task, lambda: self._completion.release(task, error))

    def abandon(self, task: ClaimedTask, reason: AbandonReason) -> None:
        """Tidy up after a task that was lost."""
        self._end(task, lambda: self._completion.abandon(task, reason))

    def heartbeat(self, task: ClaimedTask, report: ProgressReport | None) -> None:
        """Write how far the task is, or (None) only look whether it is still ours."""

        def beat() -> Event:
            is_interrupted = False
            try:
                if report is None:
                    is_interrupted = self._repository.check_lease(task.lease)
                else:
                    self._repository.report_progress(task.lease, report)
            except LeaseLost:
                return HeartbeatDone(task, is_held=False)
            except AWS_ERRORS:
                # The lease decides how long a task may be held without an answer from AWS.
                pass
            return HeartbeatDone(task, is_held=True, is_interrupted=is_interrupted)

        self._looking.submit(beat, lambda _: HeartbeatDone(task, is_held=True))

    def store_preview(self, task: ClaimedTask, picture: str) -> None:
        """Store the Web UI's preview of a task, base64."""

        def keep() -> Event:
            try:
                return PreviewStored(task, self._previews.store(task, picture))
            except AWS_ERRORS:
                # The next one is two seconds away.
                return PreviewStored(task, None)

        self._previewing.submit(keep, lambda _: PreviewStored(task, None))

    def _end(self, task: ClaimedTask, job: Callable[[], Event]) -> None:
        self._ending.submit(job, lambda error: EndingFailed(task, error))
