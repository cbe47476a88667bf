"""What the supervisor decides, in any order of events, with processes and a clock that do as they are told."""

import json
import logging
import queue
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog
from runtime_image.supervisor import events as on
from runtime_image.supervisor.agent import SILENT_LOOKS, Agent
from runtime_image.supervisor.condition import Condition
from runtime_image.supervisor.ending import Ending
from runtime_image.supervisor.kept_process import GONE_SECONDS, KeptProcess
from runtime_image.supervisor.loop import DRAIN_SECONDS, Supervisor
from runtime_image.supervisor.metrics import Metrics
from runtime_image.supervisor.models import Models
from runtime_image.supervisor.restarts import Restarts
from runtime_image.supervisor.webui import WebUi
from tests.unit.runtime_image.agent.tasks import StillClock
from tests.unit.runtime_image.supervisor.fakes import FakeChild

LIMIT_BYTES = 1000
RESTARTS = 3
DEADLINE_SECONDS = 900.0


class Container:
    """A supervisor over fake processes."""

    def __init__(self, folder: Path, *, fetches: bool = False) -> None:
        self.status_file, self.clock = folder / "status.json", StillClock()
        self.started: dict[str, list[FakeChild]] = {"webui": [], "agent": [], "models": []}
        log = EventLog(logging.getLogger("test"))
        self.condition = Condition(seen_at=0)
        metrics = Metrics(runtime="r", condition=self.condition, models_directory=folder, models_state_file=None)

        def parts(name: str) -> dict[str, Any]:
            return {"start": lambda: self._start(name), "restarts": Restarts(limit=RESTARTS), "log": log}

        downloader = KeptProcess(**parts("models")) if fetches else None
        self.models = Models(downloader)
        self.webui = WebUi(
            prepare=lambda child: on.WebUiUnusable(child, "nobody is asked here"),
            watch=lambda _: None,
            post=lambda _: None,
            stop_seconds=5,
            metrics=metrics,
            **parts("webui"),
        )
        self.agent = Agent(status_file=self.status_file, **parts("agent"))
        self.ending = Ending(
            agent=self.agent, webui=self.webui, downloader=downloader, agent_stop_seconds=105, webui_stop_seconds=5
        )
        self.supervisor = Supervisor(
            events=queue.SimpleQueue(),
            webui=self.webui,
            models=self.models,
            agent=self.agent,
            ending=self.ending,
            condition=self.condition,
            metrics=metrics,
            start_deadline_seconds=DEADLINE_SECONDS,
            memory_limit_bytes=LIMIT_BYTES,
            clock=self.clock,
            log=log,
        )
        self.supervisor.tick()

    def _start(self, name: str) -> FakeChild:
        self.started[name].append(FakeChild(name))
        return self.started[name][-1]

    def running(self, name: str) -> FakeChild | None:
        """Return the process of this name that runs."""
        return next((child for child in self.started[name] if child.is_alive), None)

    def ends(self, name: str, status: int) -> None:
        if child := self.running(name):
            child.is_alive = False
            self.happens(on.ChildEnded(child, status))

    def gets_ready(self) -> None:
        if child := self.running("webui"):
            self.happens(on.WebUiReady(child))

    def says(self, **status: Any) -> None:
        """Have the agent write its status."""
        self.status_file.write_text(json.dumps({"updated_at": self.clock.seconds} | status))
        self.passes(1)

    def happens(self, event: on.Event) -> None:
        self.supervisor.handle(event)
        self.passes(0.2)

    def looks(self, count: int) -> None:
        """Have so many seconds pass, one by one."""
        for _ in range(count):
            self.passes(1)

    def passes(self, seconds: float) -> None:
        self.clock.seconds += seconds
        self.supervisor.tick()


@pytest.fixture
def container(tmp_path: Path) -> Container:
    container = Container(tmp_path)
    container.gets_ready()
    return container


def test_the_agent_waits_for_web_ui_and_models(tmp_path: Path) -> None:
    container = Container(tmp_path, fetches=True)
    assert [len(container.started[name]) for name in ("webui", "models", "agent")] == [1, 1, 0]
    container.ends("models", 0)
    assert not container.started["agent"]
    container.gets_ready()
    assert len(container.started["agent"]) == 1
    container.passes(DEADLINE_SECONDS + 1)
    assert not container.ending.has_begun


def test_a_drained_agent_makes_way_for_another_web_ui_and_comes_back(container: Container) -> None:
    first, agent = container.webui.child, container.running("agent")
    assert agent
    container.says(ready=True, out_of_memory=1)
    container.passes(5)
    assert agent.sent == ["SIGUSR1"]
    assert first
    assert container.webui.is_ready

    container.ends("agent", 0)
    assert container.started["webui"][0].sent == ["SIGTERM"]
    container.ends("webui", 0)
    container.passes(1)
    assert len(container.started["agent"]) == 1
    container.gets_ready()
    assert len(container.started["agent"]) == len(container.started["webui"]) == 2
    container.passes(2)
    assert container.started["agent"][1].sent == []


def test_a_web_ui_that_died_while_the_agent_drained_is_not_replaced_twice(container: Container) -> None:
    container.says(ready=True, out_of_memory=1)
    container.ends("webui", -9)
    container.passes(1)
    container.ends("agent", 0)

    container.gets_ready()

    assert container.started["webui"][1].sent == []
    assert len(container.started["agent"]) == 2


def test_an_agent_that_gives_the_web_ui_up_gets_another(container: Container) -> None:
    container.ends("agent", ExitCode.WEBUI_UNHEALTHY)
    assert container.started["webui"][0].sent == ["SIGTERM"]
    container.passes(6)
    assert "SIGKILL" in container.started["webui"][0].sent
    assert not container.ending.has_begun


def test_an_agent_that_dies_again_and_again_ends_the_container(container: Container) -> None:
    for _ in range(RESTARTS + 1):
        assert not container.ending.has_begun
        container.ends("agent", -11)
        container.passes(60)
    assert container.ending.exit_code is ExitCode.INTERNAL_ERROR


def test_a_web_ui_that_swells_at_once_ends_the_container_in_the_end(container: Container) -> None:
    for _ in range(RESTARTS + 1):
        child = container.running("webui")
        assert child
        child.size = LIMIT_BYTES + 1
        container.says(ready=True)
        container.ends("agent", 0)
        container.ends("webui", 0)
        container.passes(60)
        container.gets_ready()
    assert container.ending.exit_code is ExitCode.WEBUI_UNHEALTHY


def test_an_agent_that_says_nothing_new_is_killed_and_started_again(container: Container) -> None:
    agent = container.started["agent"][0]
    container.says(ready=True)
    container.looks(SILENT_LOOKS - 1)
    assert agent.sent == []
    container.says(ready=True)
    # A container that stood still as a whole finds its agent as it was.
    container.passes(1000)
    container.looks(SILENT_LOOKS)
    assert agent.sent == ["SIGKILL"]
    container.looks(2)
    assert agent.sent == ["SIGKILL"]

    container.ends("agent", -9)
    container.passes(1)

    assert len(container.started["agent"]) == 2
    assert container.started["webui"][0].sent == []
    assert not container.ending.has_begun


def test_an_agent_that_never_says_anything_is_killed(container: Container) -> None:
    container.looks(SILENT_LOOKS + 1)
    assert container.started["agent"][0].sent == ["SIGKILL"]


def test_an_agent_that_hangs_while_it_drains_leaves_no_bad_web_ui_behind(container: Container) -> None:
    container.says(ready=True, out_of_memory=1)
    container.looks(SILENT_LOOKS)
    container.ends("agent", -9)
    assert container.started["webui"][0].sent == ["SIGTERM"]


def test_a_drain_that_lasts_ends_like_any_stop(container: Container) -> None:
    agent = container.started["agent"][0]
    container.says(ready=True, out_of_memory=1)
    container.passes(DRAIN_SECONDS - 1)
    assert agent.sent == ["SIGUSR1"]
    container.says(ready=True, out_of_memory=1)
    assert agent.sent == ["SIGUSR1", "SIGTERM"]
    container.says(ready=True, out_of_memory=1)
    container.passes(105)
    assert agent.sent == ["SIGUSR1", "SIGTERM", "SIGKILL"]
    container.ends("agent", -9)
    assert container.started["webui"][0].sent == ["SIGTERM"]
    assert not container.ending.has_begun


def test_a_web_ui_that_hangs_while_idle_is_replaced(container: Container) -> None:
    first = container.started["webui"][0]
    container.happens(on.WebUiHangs(first))
    container.ends("webui", 0)
    container.passes(1)
    container.gets_ready()
    container.happens(on.WebUiHangs(first))

    assert first.sent == ["SIGTERM"]
    assert container.started["webui"][1].sent == []
    assert len(container.started["agent"]) == 1


@pytest.mark.parametrize(("name", "code"), [("webui", ExitCode.WEBUI_UNHEALTHY), ("agent", ExitCode.INTERNAL_ERROR)])
def test_a_process_that_not_even_a_kill_ends_is_left_behind(container: Container, name: str, code: ExitCode) -> None:
    if name == "webui":
        container.happens(on.WebUiHangs(container.started["webui"][0]))
        container.passes(6)
    else:
        container.looks(SILENT_LOOKS + 1)
    stuck = container.started[name][0]
    container.passes(GONE_SECONDS + 1)
    assert container.ending.exit_code is code

    container.ends({"webui": "agent", "agent": "webui"}[name], 0)

    assert container.supervisor.run() is code
    assert stuck.sent.count("SIGKILL") == 1


def test_a_web_ui_that_ended_knows_nothing_of_the_checkpoint(container: Container) -> None:
    child = container.started["webui"][0]
    container.ends("webui", -9)
    container.happens(on.CheckpointMissing(child, "it did not answer any more"))
    assert not container.ending.has_begun


def test_the_end_of_an_unknown_process_is_not_that_of_the_download(tmp_path: Path) -> None:
    container = Container(tmp_path, fetches=True)
    container.happens(on.ChildEnded(FakeChild("webui"), 0))
    assert not container.models.on_disk.is_set()
    container.ends("models", 0)
    assert container.models.on_disk.is_set()


def test_the_end_has_an_order(container: Container) -> None:
    container.happens(on.StopRequested())
    agent, webui = container.started["agent"][0], container.started["webui"][0]
    assert (agent.sent, webui.sent) == (["SIGTERM"], [])
    container.happens(on.StopRequested())
    assert agent.sent == ["SIGTERM", "SIGTERM"]
    container.passes(104)
    assert webui.sent == []
    container.passes(2)
    assert agent.sent[-1] == "SIGKILL"
    container.ends("agent", -9)
    assert webui.sent == ["SIGTERM"]
    container.ends("webui", 0)
    assert container.ending.is_over(container.clock.seconds)
    assert container.supervisor.run() is ExitCode.STOPPED


STEPS = st.one_of(
    st.tuples(st.just("ends"), st.sampled_from(["webui", "models"]), st.sampled_from([0, 1, -9, 66])),
    st.tuples(st.just("ends"), st.just("agent"), st.sampled_from([0, 69, 70, 78, -9])),
    st.tuples(st.just("gets_ready")),
    st.tuples(st.just("unusable")),
    st.tuples(st.just("swells")),
    st.tuples(st.just("out_of_memory")),
    st.tuples(st.just("stop")),
    st.tuples(st.just("passes"), st.sampled_from([0.2, 1.0, 10.0, 100.0, 1000.0])),
)


def take(container: Container, step: tuple[Any, ...]) -> None:
    webui = container.running("webui")
    match step:
        case ("ends", name, status):
            container.ends(name, status)
        case ("passes", seconds):
            container.passes(seconds)
        case ("gets_ready",) if container.models.on_disk.is_set():
            container.gets_ready()
        case ("unusable",) if webui and not container.webui.is_ready:
            container.happens(on.WebUiUnusable(webui, "reason"))
        case ("swells",) if webui:
            webui.size = LIMIT_BYTES * 2
        case ("out_of_memory",) if container.running("agent"):
            container.says(ready=True, out_of_memory=1)
        case ("stop",):
            container.happens(on.StopRequested())


@settings(max_examples=200)
@given(st.booleans(), st.lists(STEPS, max_size=40))
def test_in_any_order_of_events(fetches: bool, steps: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory() as folder:
        container = Container(Path(folder), fetches=fetches)
        if not fetches:
            # Most of what can go wrong does so in service.
            container.gets_ready()
        for step in steps:
            in_service = container.running("webui") if container.webui.is_ready else None
            count = len(container.started["agent"])
            take(container, step)
            agent = container.running("agent")
            if in_service and in_service.is_alive and agent and "SIGKILL" not in agent.sent:
                assert in_service.sent == [], "a Web UI that works for an agent is never ended"
            if len(container.started["agent"]) > count:
                assert container.webui.is_ready
                assert container.models.on_disk.is_set()
            assert all(sum(child.is_alive for child in children) <= 1 for children in container.started.values())
        container.happens(on.StopRequested())
        for name, status in (("models", -15), ("agent", 0), ("webui", 0)):
            container.ends(name, status)
        assert container.ending.is_over(container.clock.seconds)
        assert not any(child.is_alive for children in container.started.values() for child in children)
