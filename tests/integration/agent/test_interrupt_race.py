"""Interrupts at the moment a generation ends, many times over real HTTP: no cut picture counts."""

import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from contract.routing import Limits
from runtime_image.agent.core import events as on
from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.core.completion import AbandonReason
from runtime_image.agent.core.worker_pools import WorkerPools
from runtime_image.agent.generate.generation import Generation, Interrupt
from runtime_image.agent.generate.progress_monitor import ProgressPoller
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from runtime_image.webui.call import WebUiCall
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.engine import WebUiEngine
from runtime_image.webui.request import WebUiRequest
from stub_webui.server import serve_stub
from stub_webui.web_ui import StubWebUi
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.agent.agent_loop import Agent, TaskEnded
from tests.unit.runtime_image.agent.fakes import FakePools

REPETITIONS = 60
#: The same if none of these was cut by another's interrupt.
MAX_REPETITIONS = 600
STEPS = 8
SECONDS_PER_STEP = 0.002
#: Longest time that an interrupt takes to arrive: as long as a generation.
LATENCY_SECONDS = STEPS * SECONDS_PER_STEP
DEADLINE_SECONDS = 60.0
#: A task that interrupts cut between two pictures, and that is no generation.
UPSCALING = "extra-batch-images"


class RunningClock(StillClock):
    def monotonic(self) -> float:
        return time.monotonic()


class CallingPools(FakePools):
    """Calls the Web UI for real, and records everything else."""

    def __init__(self, clock: Clock, log: EventLog, post: Callable[[on.Event], None]) -> None:
        super().__init__()
        self._real = WorkerPools(stages=[Generation(clock=clock)], jobs=[Interrupt(clock=clock, log=log)], post=post)

    def run_stage(self, name: str, task: ClaimedTask) -> None:
        if name == Generation.name:
            self._real.run_stage(name, task)
        else:
            super().run_stage(name, task)

    def run_job(self, name: str, *arguments: object) -> None:
        if name == Interrupt.name:
            self._real.run_job(name, *arguments)
        else:
            super().run_job(name, *arguments)


class RacingAgent(Agent):
    """An agent whose calls go to a Web UI."""

    webui_engine: WebUiEngine

    def call(self, task: ClaimedTask, request: WebUiRequest) -> WebUiCall:
        return WebUiCall(self.webui_engine, request, None)


def request_of(prompt: str, kind: str) -> WebUiRequest:
    if kind == UPSCALING:
        pictures = [{"name": str(number), "data": str(number)} for number in range(STEPS)]
        body = json.dumps({"imageList": pictures}).encode()
        return WebUiRequest("POST", f"/sdapi/v1/{kind}", body, takes_lock=True, needs_pictures=True)
    body = json.dumps({"prompt": prompt, "steps": STEPS}).encode()
    return WebUiRequest("POST", f"/sdapi/v1/{kind}", body, takes_lock=True, generates=True, needs_pictures=True)


@pytest.mark.parametrize(("concurrency", "kinds"), [(2, ["txt2img"]), (3, ["txt2img", "img2img", UPSCALING])])
def test_no_cut_picture_counts_and_nobody_elses_generation_is_lost(concurrency: int, kinds: list[str]) -> None:
    """Reported of Web UIs: a cancel at the end of a job cut the one after it."""
    random = Random(7)  # noqa: S311 - a reproducible walk, no secret
    webui = StubWebUi(seconds_per_step=SECONDS_PER_STEP, encoding_seconds=0.004)

    def late_interrupt(path: str, _body: dict[str, Any]) -> None:
        if path.endswith("interrupt"):
            time.sleep(random.uniform(0, LATENCY_SECONDS))

    webui.intercept = late_interrupt
    events: queue.SimpleQueue[on.Event] = queue.SimpleQueue()
    clock, log = RunningClock(), EventLog(logging.getLogger("race"))
    with serve_stub(webui) as url:
        engine = WebUiEngine(
            client=WebUiClient(base_url=url), allowed_options=(), limits=Limits(), clock=clock, log=log
        )
        poller = ProgressPoller(engine=engine, clock=clock, post=events.put)
        threading.Thread(target=poller.run, daemon=True).start()
        agent = RacingAgent(
            pools=CallingPools(clock, log, events.put),
            progress_poller=poller,
            clock=clock,
            seconds_per_task=STEPS * SECONDS_PER_STEP,
            events=events,
        )
        agent.webui_engine = engine
        cut = 0
        for number in range(MAX_REPETITIONS):
            requests = {f"{number}-{place}": random.choice(kinds) for place in range(concurrency)}
            cut += _give_one_up(agent, webui, requests, random)
            # How often an interrupt meets the wrong one depends on the machine.
            if cut and number >= REPETITIONS:
                break

    assert cut, "no interrupt has met the wrong one, so nothing was tried"


def _give_one_up(agent: Agent, webui: StubWebUi, kinds: dict[str, str], random: Random) -> int:
    """Give one of some tasks up near the end of its generation; return how many others its interrupt has cut."""
    tasks = [agent.generates(name, request_of(name, kind)) for name, kind in kinds.items()]
    doomed = random.randrange(len(tasks))
    others = [task for task in tasks if task is not tasks[doomed]]
    give_up_at = time.monotonic() + (doomed + random.uniform(0, 1.2)) * STEPS * SECONDS_PER_STEP
    deadline = time.monotonic() + DEADLINE_SECONDS
    answers: list[tuple[ClaimedTask, Any]] = []
    aborted = False
    while len(answers) < len(others) or agent.outstanding.tasks or not aborted:
        assert time.monotonic() < deadline, (kinds, agent.outstanding.tasks)
        if not aborted and time.monotonic() >= give_up_at:
            aborted = True
            agent.post(on.TaskLost(tasks[doomed], AbandonReason.CANCELLED))
        try:
            event = agent.events.get(timeout=0.001)
        except queue.Empty:
            continue
        agent.loop.handle(event)
        agent.loop.tick()
        answers += [(job[1], job[1].answer) for job in agent.pools.pop_jobs() if job[0] == "store" and job[1] in others]
    for task in tasks:
        agent.post(TaskEnded(task))

    assert sorted(task.metadata.id for task, _ in answers) == sorted(task.metadata.id for task in others)
    for task, answer in answers:
        if kinds[task.metadata.id] == UPSCALING:
            assert len(answer["images"]) == STEPS, kinds
        else:
            assert not json.loads(answer["info"])["was_cut"], kinds
            assert answer["parameters"]["prompt"] == task.metadata.id
    return sum(any(run.interrupted for run in webui.runs_of(task.metadata.id)) for task in others)
