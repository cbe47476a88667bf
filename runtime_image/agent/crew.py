"""All threads that work for the loop: which stage has how many, and what each is asked to do."""

from collections.abc import Callable
from typing import Any, Final

from contract.errors import DarkroomError
from runtime_image.agent.aws import AWS_ERRORS
from runtime_image.agent.depth import MAX_IN_FLIGHT
from runtime_image.agent.endings import Endings
from runtime_image.agent.errors import NotHeld
from runtime_image.agent.events import (
    EndingFailed,
    Event,
    HeartbeatDone,
    IntakeFailed,
    InterruptSent,
    Loss,
    MessageReturned,
    PreviewKept,
    StepFailed,
    WebUiNeverReady,
)
from runtime_image.agent.held_task import HeldTask
from runtime_image.agent.intake import Intake
from runtime_image.agent.ledger import Ledger, ProgressReport
from runtime_image.agent.preparation import Preparation
from runtime_image.agent.previews import Previews
from runtime_image.agent.storing import Storing
from runtime_image.agent.task_queue import ReceivedMessage, TaskQueue
from runtime_image.agent.webui.generation import Generation
from runtime_image.agent.webui.readiness import Readiness
from runtime_image.agent.webui.request import WebUiRequest
from runtime_image.agent.workers import Workers

#: Tasks between the queue and the Web UI at a time: one whose links are slow must not stop the others.
MAX_AHEAD: Final = 4
#: Tasks whose outputs are being stored at a time; it bounds the memory that pictures take while S3 is slow.
MAX_STORING: Final = 6
#: Tasks that can be held, and so end, at a time. Each ending may wait for AWS for as long as a lease lasts, and must
#: keep neither another one waiting nor a look at a record: a cancelled task is to be noticed within two seconds.
MAX_HELD: Final = MAX_AHEAD + MAX_IN_FLIGHT + MAX_STORING
#: Tasks whose records are looked at: until they are stored.
MAX_LOOKED_AT: Final = MAX_AHEAD + MAX_IN_FLIGHT


class Crew:
    """The loop's hands. Each method returns at once; its outcome is an event."""

    def __init__(
        self,
        *,
        intake: Intake,
        preparation: Preparation,
        generation: Generation,
        readiness: Readiness,
        storing: Storing,
        previews: Previews,
        endings: Endings,
        ledger: Ledger,
        queue: TaskQueue,
        post: Callable[[Event], None],
    ) -> None:
        self._intake = intake
        self._preparation = preparation
        self._generation = generation
        self._readiness = readiness
        self._storing = storing
        self._previews = previews
        self._endings = endings
        self._ledger = ledger
        self._queue = queue
        self._receiving = Workers(name="intake", count=2, post=post)
        self._preparing = Workers(name="prepare", count=MAX_AHEAD, post=post)
        self._generating = Workers(name="generate", count=MAX_IN_FLIGHT, post=post)
        self._waiting = Workers(name="ready", count=1, post=post)
        self._storers = Workers(name="store", count=MAX_STORING, post=post)
        self._ending = Workers(name="end", count=MAX_HELD, post=post)
        self._looking = Workers(name="look", count=MAX_LOOKED_AT, post=post)
        self._previewing = Workers(name="preview", count=1, post=post)
        # Waits for nothing but the Web UI.
        self._interrupting = Workers(name="interrupt", count=1, post=post)

    def await_webui(self) -> None:
        """Wait until the Web UI is ready."""
        self._waiting.submit(self._readiness.wait, lambda _: WebUiNeverReady())

    def take(self, message: ReceivedMessage) -> None:
        """Read and claim."""
        self._receiving.submit(lambda: self._intake.take(message), lambda error: IntakeFailed(message, error))

    def return_message(self, message: ReceivedMessage, delay_seconds: float = 0) -> None:
        """Make a message that nobody works on visible again."""

        def give_back() -> Event:
            self._queue.give_back(message.receipt_handle, delay_seconds)
            return MessageReturned()

        self._ending.submit(give_back, lambda _: MessageReturned())

    def prepare(self, task: HeldTask) -> None:
        """Fetch links and build the request."""
        self._preparing.submit(lambda: self._preparation.prepare(task), lambda error: StepFailed(task, error))

    def load_checkpoint(self, task: HeldTask, name: str) -> None:
        """Switch the Web UI's model."""
        job = self._generation.load_checkpoint
        self._generating.submit(lambda: job(task, name), lambda error: StepFailed(task, error))

    def guard_options(self, task: HeldTask, keys: frozenset[str]) -> None:
        """Have the Web UI set these options back after every request."""
        job = self._generation.guard_options
        self._generating.submit(lambda: job(task, keys), lambda error: StepFailed(task, error))

    def generate(self, task: HeldTask, request: WebUiRequest) -> None:
        """Have the Web UI carry the request out."""
        self._generating.submit(lambda: self._generation.run(task, request), lambda error: StepFailed(task, error))

    def interrupt(self, task: HeldTask) -> None:
        """Interrupt what the Web UI runs, meant for this task."""
        self._interrupting.submit(
            lambda: self._generation.interrupt(task), lambda _: InterruptSent(task, is_taken=False)
        )

    def store(self, task: HeldTask, request: WebUiRequest, answer: Any) -> None:
        """Store outputs and commit."""
        job = self._storing.store
        self._storers.submit(lambda: job(task, request, answer), lambda error: StepFailed(task, error))

    def fail(self, task: HeldTask, error: DarkroomError) -> None:
        """Make the task FAILED or TIMED_OUT."""
        self._end(task, lambda: self._endings.fail(task, error))

    def hand_back(self, task: HeldTask, error: DarkroomError | None) -> None:
        """Return the task to the queue."""
        self._end(task, lambda: self._endings.hand_back(task, error))

    def leave(self, task: HeldTask, loss: Loss) -> None:
        """Tidy up after a task that was lost."""
        self._end(task, lambda: self._endings.leave(task, loss))

    def heartbeat(self, task: HeldTask, report: ProgressReport | None) -> None:
        """Write how far the task is, or (None) only look whether it is still ours."""

        def beat() -> Event:
            is_interrupted = False
            try:
                if report is None:
                    is_interrupted = self._ledger.check_held(task.claim)
                else:
                    self._ledger.report_progress(task.claim, report)
            except NotHeld:
                return HeartbeatDone(task, is_held=False)
            except AWS_ERRORS:
                # The lease decides how long a task may be held without an answer from AWS.
                pass
            return HeartbeatDone(task, is_held=True, is_interrupted=is_interrupted)

        self._looking.submit(beat, lambda _: HeartbeatDone(task, is_held=True))

    def keep_preview(self, task: HeldTask, picture: str) -> None:
        """Store the Web UI's preview of a task, base64."""

        def keep() -> Event:
            try:
                return PreviewKept(task, self._previews.store(task, picture))
            except AWS_ERRORS:
                # The next one is two seconds away.
                return PreviewKept(task, None)

        self._previewing.submit(keep, lambda _: PreviewKept(task, None))

    def _end(self, task: HeldTask, job: Callable[[], Event]) -> None:
        self._ending.submit(job, lambda error: EndingFailed(task, error))
