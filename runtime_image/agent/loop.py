"""The agent's one loop: takes events from all threads, and alone decides what happens to each task."""

import queue
import threading
from contextlib import suppress
from functools import singledispatchmethod
from typing import Final

from contract.errors import DarkroomError
from runtime_image.agent import events as on
from runtime_image.agent.aws import AWS_ERRORS
from runtime_image.agent.clock import Clock
from runtime_image.agent.crew import MAX_STORING, Crew
from runtime_image.agent.dispatcher import Dispatcher
from runtime_image.agent.errors import AgentFailed, GivenUp, NotHeld, StorageFailed, WebUiFailed
from runtime_image.agent.health import WebUiHealth
from runtime_image.agent.held_task import NOT_BEGUN, HeldTask, Stage
from runtime_image.agent.lease_keeper import LeaseKeeper
from runtime_image.agent.logs import EventLog
from runtime_image.agent.receiver import Receiver
from runtime_image.agent.rounds import Rounds
from runtime_image.agent.stop_order import StopOrder
from runtime_image.agent.webui.checkpoints import Checkpoints
from runtime_image.exit_codes import ExitCode

#: Seconds between two looks at leases and limits when nothing happens.
TICK_SECONDS: Final = 0.2
#: Seconds until a message comes again whose task is just about to end.
RETURN_DELAY_SECONDS: Final = 2.0


class TaskLoop:
    """Runs in the main thread until it is told to stop or gives up."""

    def __init__(
        self,
        *,
        events: "queue.SimpleQueue[on.Event]",
        crew: Crew,
        receiver: Receiver,
        keeper: LeaseKeeper,
        dispatcher: Dispatcher,
        rounds: Rounds,
        checkpoints: Checkpoints,
        health: WebUiHealth,
        stop_order: StopOrder,
        stopping: threading.Event,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._events = events
        self._crew = crew
        self._receiver = receiver
        self._keeper = keeper
        self._dispatcher = dispatcher
        self._rounds = rounds
        self._checkpoints = checkpoints
        self._health = health
        self._stop_order = stop_order
        self._stopping = stopping
        self._clock = clock
        self._log = log
        self._tasks: dict[tuple[str, str], HeldTask] = {}
        self._is_receiving = False
        #: Messages that are looked at, and messages on their way back: each is one event to come.
        self._taking = 0
        self._returning = 0

    def run(self) -> ExitCode:
        """Work until the end; returns what the process is to exit with."""
        self._crew.await_webui()
        while not self._is_over():
            with suppress(queue.Empty):
                self.handle(self._events.get(timeout=TICK_SECONDS))
            self.tick()
        code = self._stop_order.exit_code or ExitCode.STOPPED
        self._log.info("agent_stopped", exit_code=int(code), reason=code.name, left_behind=len(self._tasks))
        return code

    def tick(self) -> None:
        """Do what time, not an event, makes necessary; then keep every stage supplied."""
        now = self._clock.monotonic()
        for task in list(self._tasks.values()):
            self._rounds.look_after(task, now, self._give_up)
        if self._rounds.is_stuck(now):
            self._stop(ExitCode.WEBUI_UNHEALTHY, hurry=True)
        if self._stop_order.must_interrupt(now):
            self._hand_back_all(*Stage)
        elif self._health.is_long_in_trouble(now):
            self._hand_back_all(*NOT_BEGUN)
        for task in self._dispatcher.taken_too_early(list(self._tasks.values()), now):
            self._hand_back(task, None)
        self._rounds.interrupt_if_needed()
        if self._health.is_ready and not self._stopping.is_set():
            if sum(task.stage is Stage.STORING for task in self._tasks.values()) < MAX_STORING:
                self._dispatcher.start(now=self._clock.monotonic)
            self._receive(now)
        self._rounds.watch_progress()

    @singledispatchmethod
    def handle(self, event: object) -> None:
        """Take one event."""
        raise TypeError(event)

    @handle.register
    def _messages_received(self, event: on.MessagesReceived) -> None:
        self._is_receiving = False
        for message in event.messages:
            if self._stopping.is_set():
                self._returning += 1
                self._crew.return_message(message)
            else:
                self._taking += 1
                self._crew.take(message)

    @handle.register
    def _message_returned(self, _: on.MessageReturned) -> None:
        self._returning -= 1

    @handle.register
    def _message_settled(self, _: on.MessageSettled) -> None:
        self._taking -= 1

    @handle.register
    def _intake_failed(self, event: on.IntakeFailed) -> None:
        self._taking -= 1
        # The message is left to reappear, and so to the dead-letter queue if it is the cause.
        self._log.error("intake_failed", event.error, message_id=event.message.message_id)

    @handle.register
    def _task_redelivered(self, event: on.TaskRedelivered) -> None:
        self._taking -= 1
        task, message = self._tasks.get(event.key), event.message
        if task is None or task.stage is Stage.ENDING:
            self._returning += 1
            self._crew.return_message(message, delay_seconds=RETURN_DELAY_SECONDS)
        elif task.message.message_id == message.message_id:
            # The newest receipt handle is the one that counts.
            task.message = message
        else:
            task.duplicates.append(message)

    @handle.register
    def _task_claimed(self, event: on.TaskClaimed) -> None:
        self._taking -= 1
        task = event.task
        self._tasks[task.key] = task
        self._keeper.hold(task)
        if self._stopping.is_set():
            self._hand_back(task, None)
        else:
            self._crew.prepare(task)

    @handle.register
    def _task_prepared(self, event: on.TaskPrepared) -> None:
        if event.task.stage is Stage.PREPARING:
            event.task.request = event.request
            self._dispatcher.add(event.task)

    @handle.register
    def _checkpoint_loaded(self, event: on.CheckpointLoaded) -> None:
        self._dispatcher.switched(event.task)

    @handle.register
    def _task_generated(self, event: on.TaskGenerated) -> None:
        task, now = event.task, self._clock.monotonic()
        may_be_cut = self._dispatcher.answered(task, now=now)
        if task.stage is not Stage.GENERATING or task.request is None:
            return
        if may_be_cut:
            self._log.warning("generation_repeated", task_id=task.metadata.id)
            self._dispatcher.add(task, first=True)
            return
        task.stage = Stage.STORING
        self._crew.store(task, task.request, event.answer)

    @handle.register
    def _step_failed(self, event: on.StepFailed) -> None:
        task, error, now = event.task, event.error, self._clock.monotonic()
        was_at_webui = self._dispatcher.failed(task, now=now)
        if isinstance(error, WebUiFailed) and not task.given_up.is_set():
            self._webui_failed(task, now)
        elif was_at_webui:
            self._health.succeeded()
        if task.stage is not Stage.ENDING:
            self._settle_failure(task, error)

    @handle.register
    def _ending_failed(self, event: on.EndingFailed) -> None:
        self._log.error("ending_failed", event.error, task_id=event.task.metadata.id)
        self._tasks.pop(event.task.key, None)

    @handle.register
    def _task_ended(self, event: on.TaskEnded) -> None:
        if event.task.stage is Stage.STORING:
            self._health.succeeded()
        self._tasks.pop(event.task.key, None)

    @handle.register
    def _task_lost(self, event: on.TaskLost) -> None:
        if event.task.stage is not Stage.ENDING:
            self._give_up(event.task, event.loss)

    @handle.register
    def _heartbeat_done(self, event: on.HeartbeatDone) -> None:
        event.task.heartbeat_in_flight = False
        # While it is being stored, the commit itself finds out, and it may be the commit that ended the lease.
        if not event.is_held and event.task.stage not in {Stage.STORING, Stage.ENDING}:
            self._give_up(event.task, on.Loss.RECORD)

    @handle.register
    def _progress_seen(self, event: on.ProgressSeen) -> None:
        self._rounds.progress_seen(event.progress)

    @handle.register
    def _interrupt_sent(self, _: on.InterruptSent) -> None:
        self._rounds.interrupt_sent(self._clock.monotonic())

    @handle.register
    def _webui_ready(self, _: on.WebUiReady) -> None:
        self._log.info("webui_ready")
        self._health.ready()

    @handle.register
    def _webui_never_ready(self, _: on.WebUiNeverReady) -> None:
        self._stop(ExitCode.WEBUI_UNHEALTHY)

    @handle.register
    def _stop_requested(self, _: on.StopRequested) -> None:
        self._log.info("stop_requested", held=len(self._tasks))
        self._stop(ExitCode.STOPPED, hurry=self._stopping.is_set())

    @handle.register
    def _thread_failed(self, event: on.ThreadFailed) -> None:
        self._log.error("thread_failed", event.error, thread=event.name)
        self._stop(ExitCode.INTERNAL_ERROR, hurry=True)

    def _settle_failure(self, task: HeldTask, error: Exception) -> None:
        match error:
            case NotHeld() | GivenUp():
                self._give_up(task, on.Loss.RECORD)
            case DarkroomError(retryable=True):
                self._hand_back(task, error)
            case DarkroomError():
                self._give_up(task, error)
            case _:
                self._log.error("step_failed", error, task_id=task.metadata.id)
                aws = isinstance(error, AWS_ERRORS)
                self._hand_back(task, StorageFailed(str(error)) if aws else AgentFailed(type(error).__name__))

    def _give_up(self, task: HeldTask, reason: DarkroomError | on.Loss) -> None:
        """End a task for good: failed, or lost. Its result is thrown away, should it still come."""
        self._leave_stages(task)
        if isinstance(reason, on.Loss):
            self._crew.leave(task, reason)
        else:
            self._crew.fail(task, reason)

    def _hand_back(self, task: HeldTask, error: DarkroomError | None) -> None:
        self._leave_stages(task)
        self._crew.hand_back(task, error)

    def _hand_back_all(self, *stages: Stage) -> None:
        for task in list(self._tasks.values()):
            if task.stage in stages and task.stage is not Stage.ENDING:
                self._hand_back(task, None)

    def _leave_stages(self, task: HeldTask) -> None:
        self._dispatcher.drop(task)
        task.stage = Stage.ENDING
        task.given_up.set()

    def _webui_failed(self, task: HeldTask, now: float) -> None:
        was_ready = self._health.is_ready
        self._checkpoints.forget()
        self._health.failed(sent_at=task.sent_at, now=now)
        self._log.warning("webui_failed", task_id=task.metadata.id)
        if self._health.is_given_up:
            self._stop(ExitCode.WEBUI_UNHEALTHY, hurry=True)
        elif was_ready:
            self._crew.await_webui()

    def _receive(self, now: float) -> None:
        ahead = self._taking + sum(task.stage in NOT_BEGUN for task in self._tasks.values())
        if not self._is_receiving and (count := self._dispatcher.room(ahead=ahead, now=now)):
            self._is_receiving = True
            self._receiver.request(count)

    def _stop(self, code: ExitCode, *, hurry: bool = False) -> None:
        self._stopping.set()
        self._stop_order.request(code, now=self._clock.monotonic(), hurry=hurry)
        self._hand_back_all(*NOT_BEGUN)

    def _is_over(self) -> bool:
        if self._stop_order.exit_code is None:
            return False
        now = self._clock.monotonic()
        waits_for_poll = self._is_receiving and not self._stop_order.is_last_poll_over(now)
        busy = self._tasks or self._taking or self._returning or waits_for_poll or self._rounds.must_interrupt()
        return not busy or self._stop_order.is_grace_over(now)
