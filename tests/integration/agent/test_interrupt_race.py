"""Interrupts in the moment in which a generation ends, many times over real HTTP: nothing that was cut counts."""

import json
import logging
import queue
import threading
import time
from random import Random
from typing import Any

from runtime_image.agent import events as on
from runtime_image.agent.held_task import HeldTask
from runtime_image.agent.logs import EventLog
from runtime_image.agent.webui.client import WebUiClient
from runtime_image.agent.webui.generation import Generation
from runtime_image.agent.webui.progress import ProgressWatch
from runtime_image.agent.webui.request import WebUiRequest
from runtime_image.agent.workers import Workers
from tests.integration.agent.stand_in_webui import StandInWebUi
from tests.unit.runtime_image.agent.agent_loop import Agent
from tests.unit.runtime_image.agent.fakes import FakeCheckpoints, FakeCrew, FakeServiceOptions
from tests.unit.runtime_image.agent.tasks import StillClock

REPETITIONS = 60
STEPS = 8
SECONDS_PER_STEP = 0.002
#: Longest time that an interrupt takes to arrive: as long as a generation.
LATENCY_SECONDS = STEPS * SECONDS_PER_STEP
DEADLINE_SECONDS = 20.0


class RunningClock(StillClock):
    def monotonic(self) -> float:
        return time.monotonic()


class CallingCrew(FakeCrew):
    """Calls the Web UI for real, and notes everything else."""

    def __init__(self, generation: Generation, events: "queue.SimpleQueue[on.Event]") -> None:
        super().__init__()
        self._generation = generation
        self._workers = Workers(name="race", count=6, post=events.put)

    def generate(self, task: HeldTask, request: WebUiRequest) -> None:
        self._workers.submit(lambda: self._generation.run(task, request), lambda error: on.StepFailed(task, error))

    def interrupt(self, task: HeldTask) -> None:
        self._workers.submit(lambda: self._generation.interrupt(task), lambda _: on.InterruptSent(task))


def request_of(prompt: str) -> WebUiRequest:
    body = json.dumps({"prompt": prompt, "steps": STEPS}).encode()
    return WebUiRequest("POST", "/sdapi/v1/txt2img", body, takes_lock=True, generates=True, needs_pictures=True)


def upscaling_of(count: int) -> WebUiRequest:
    pictures = [{"name": str(number), "data": str(number)} for number in range(count)]
    body = json.dumps({"imageList": pictures}).encode()
    return WebUiRequest("POST", "/sdapi/v1/extra-batch-images", body, takes_lock=True, needs_pictures=True)


def test_no_cut_picture_counts_and_nobody_elses_generation_is_lost() -> None:
    random = Random(7)  # noqa: S311 - a reproducible walk, no secret
    webui = StandInWebUi(seconds_per_step=SECONDS_PER_STEP, encoding_seconds=0.004)

    def late_interrupt(path: str, _body: dict[str, Any]) -> None:
        if path.endswith("interrupt"):
            time.sleep(random.uniform(0, LATENCY_SECONDS))

    webui.intercept = late_interrupt
    events: queue.SimpleQueue[on.Event] = queue.SimpleQueue()
    clock, log = RunningClock(), EventLog(logging.getLogger("race"))
    with webui.serve() as url:
        client = WebUiClient(base_url=url)
        generation = Generation(
            client=client, checkpoints=FakeCheckpoints(), options=FakeServiceOptions(), clock=clock, log=log
        )
        watch = ProgressWatch(client=client, clock=clock, post=events.put)
        threading.Thread(target=watch.run, daemon=True).start()
        agent = Agent(crew=CallingCrew(generation, events), watch=watch, clock=clock, events=events)
        cut = sum(_give_one_up(agent, webui, number, random) for number in range(REPETITIONS))

    # It does happen that the interrupt meets the wrong one.
    assert cut > 0


def _give_one_up(agent: Agent, webui: StandInWebUi, number: int, random: Random) -> bool:
    """Give a task up near the end of its generation; tell whether its interrupt cut the next one instead.

    Every other time the next one is no generation: pictures to upscale, one after the other.
    """
    doomed, following = f"doomed-{number}", f"next-{number}"
    upscales = number % 2 == 1
    requests = [request_of(doomed), upscaling_of(STEPS) if upscales else request_of(following)]
    tasks = [agent.generates(name, request) for name, request in zip((doomed, following), requests, strict=True)]
    give_up_at = time.monotonic() + random.uniform(0, 1.2 * STEPS * SECONDS_PER_STEP)
    deadline = time.monotonic() + DEADLINE_SECONDS
    answers: list[Any] = []
    given_up = False
    while not answers or agent.in_flight.tasks or not given_up:
        assert time.monotonic() < deadline, (number, agent.in_flight.tasks)
        if not given_up and time.monotonic() >= give_up_at:
            given_up = True
            agent.happens(on.TaskLost(tasks[0], on.Loss.RECORD))
        try:
            event = agent.events.get(timeout=0.001)
        except queue.Empty:
            continue
        agent.loop.handle(event)
        agent.loop.tick()
        answers += [job[2] for job in agent.crew.take_jobs() if job[0] == "store" and job[1] is tasks[1]]
    for task in tasks:
        agent.happens(on.TaskEnded(task))

    (answer,) = answers
    if upscales:
        assert len(answer["images"]) == STEPS, number
        return False
    assert not json.loads(answer["info"])["was_cut"], number
    assert answer["parameters"]["prompt"] == following
    return any(run.interrupted for run in webui.runs_of(following))
