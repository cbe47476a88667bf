"""Decisions of the supervisor, in any order of events, with processes and a clock that obey the test."""

import json
import logging
import os
import queue
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime_image.process.exit_codes import ExitCode
from runtime_image.process.logs import EventLog
from runtime_image.supervisor import events as on
from runtime_image.supervisor.agent_process import MAX_SILENT_POLLS, AgentProcess
from runtime_image.supervisor.container_metrics import ContainerMetrics
from runtime_image.supervisor.container_status import ContainerStatus
from runtime_image.supervisor.managed_process import UNKILLABLE_SECONDS, RestartPolicy
from runtime_image.supervisor.model_download import ModelDownload
from runtime_image.supervisor.supervisor import DRAIN_SECONDS, Supervisor
from runtime_image.supervisor.webui_process import WebUiProcess
from tests.harness.still_clock import StillClock
from tests.unit.runtime_image.supervisor.fakes import FakeProcess

LIMIT_BYTES = 1000
RESTARTS = 3
DEADLINE_SECONDS = 900.0


class Container:
    """A supervisor over fake processes."""

    def __init__(self, folder: Path, *, downloads: bool = False) -> None:
        self.status_file, self.clock = folder / "status.json", StillClock()
        self.started: dict[str, list[FakeProcess]] = {"webui": [], "agent": [], "models": []}
        log = EventLog(logging.getLogger("test"))
        self.status = ContainerStatus(ticked_at=0)
        metrics = ContainerMetrics(runtime="r", status=self.status, models_directory=folder, models_state_file=None)
        self.models = ModelDownload(
            start=partial(self._start, "models"),
            stop_seconds=5,
            restart_policy=RestartPolicy(limit=0),
            is_needed=downloads,
            event_log=log,
        )
        self.webui = WebUiProcess(
            start=partial(self._start, "webui"),
            stop_seconds=5,
            restart_policy=RestartPolicy(limit=RESTARTS),
            watch=lambda child: [on.WebUiUnsound(child, "unusable", "this test prepares no Web UI")],
            post=lambda _: None,
            metrics=metrics,
            ready_file=folder / "engine-ready",
            event_log=log,
        )
        self.agent = AgentProcess(
            start=partial(self._start, "agent"),
            stop_seconds=105,
            restart_policy=RestartPolicy(limit=RESTARTS),
            status_file=self.status_file,
            event_log=log,
        )
        self.supervisor = Supervisor(
            events=queue.SimpleQueue(),
            webui=self.webui,
            models=self.models,
            agent=self.agent,
            status=self.status,
            metrics=metrics,
            start_deadline_seconds=DEADLINE_SECONDS,
            memory_limit_bytes=LIMIT_BYTES,
            clock=self.clock,
            event_log=log,
        )
        self.shutdown = self.supervisor.shutdown
        self.supervisor.tick()

    def _start(self, name: str) -> FakeProcess:
        self.started[name].append(FakeProcess(name))
        return self.started[name][-1]

    def running(self, name: str) -> FakeProcess | None:
        """Return the running process of this name."""
        return next((child for child in self.started[name] if child.running), None)

    def end(self, name: str, status: int) -> None:
        if child := self.running(name):
            child.running = False
            self.post(on.ChildEnded(child, status))

    @property
    def is_marked_ready(self) -> bool:
        """Return True if the agent may send requests to the Web UI."""
        return self.webui.ready_file.exists()

    def mark_ready(self) -> None:
        if child := self.running("webui"):
            self.post(on.WebUiPrepared(child))

    def write_status(self, **status: object) -> None:
        """Write the agent's status."""
        self.status_file.write_text(json.dumps(status))
        os.utime(self.status_file, (self.clock.seconds, self.clock.seconds))
        self.advance(1)

    def post(self, event: on.Event) -> None:
        self.supervisor.handle(event)
        self.advance(0.2)

    def advance_by_polls(self, count: int) -> None:
        """Let so many seconds pass, with a poll in each."""
        for _ in range(count):
            self.advance(1)

    def advance(self, seconds: float) -> None:
        self.clock.seconds += seconds
        self.supervisor.tick()


@pytest.fixture
def container(tmp_path: Path) -> Container:
    container = Container(tmp_path)
    container.mark_ready()
    return container


def test_the_agent_waits_for_web_ui_and_models(tmp_path: Path) -> None:
    container = Container(tmp_path, downloads=True)
    assert [len(container.started[name]) for name in ("webui", "models", "agent")] == [1, 1, 0]
    container.end("models", 0)
    assert not container.started["agent"]
    container.mark_ready()
    assert len(container.started["agent"]) == 1
    container.advance(DEADLINE_SECONDS + 1)
    assert not container.shutdown.has_begun


def test_a_drained_agent_makes_way_for_another_web_ui_and_comes_back(container: Container) -> None:
    first, agent = container.webui.child, container.running("agent")
    assert agent
    container.write_status(ready=True, out_of_memory=1)
    container.advance(5)
    assert agent.sent == ["SIGUSR1"]
    assert first
    assert container.webui.is_ready

    container.end("agent", 0)
    assert container.started["webui"][0].sent == ["SIGTERM"]
    container.end("webui", 0)
    container.advance(1)
    assert len(container.started["agent"]) == 1
    container.mark_ready()
    assert len(container.started["agent"]) == len(container.started["webui"]) == 2
    container.advance(2)
    assert container.started["agent"][1].sent == []


def test_a_web_ui_that_died_while_the_agent_drained_is_not_replaced_twice(container: Container) -> None:
    container.write_status(ready=True, out_of_memory=1)
    container.end("webui", -9)
    container.advance(1)
    container.end("agent", 0)

    container.mark_ready()

    assert container.started["webui"][1].sent == []
    assert len(container.started["agent"]) == 2


def test_an_agent_that_gives_the_web_ui_up_gets_another(container: Container) -> None:
    container.end("agent", ExitCode.WEBUI_UNHEALTHY)
    assert container.started["webui"][0].sent == ["SIGTERM"]
    container.advance(6)
    assert "SIGKILL" in container.started["webui"][0].sent
    assert not container.shutdown.has_begun


def test_an_agent_that_dies_again_and_again_ends_the_container(container: Container) -> None:
    for _ in range(RESTARTS + 1):
        assert not container.shutdown.has_begun
        container.end("agent", -11)
        container.advance(60)
    assert container.shutdown.exit_code is ExitCode.INTERNAL_ERROR


@pytest.mark.parametrize("code", [ExitCode.STOPPED, ExitCode.CLOCK_WRONG, ExitCode.INVALID_SETTINGS])
def test_an_agent_that_stops_by_itself_or_cannot_start_ends_the_container(container: Container, code: ExitCode) -> None:
    container.end("agent", code)
    assert container.shutdown.exit_code is code
    assert len(container.started["agent"]) == 1


def test_a_web_ui_that_swells_at_once_ends_the_container_in_the_end(container: Container) -> None:
    for _ in range(RESTARTS + 1):
        child = container.running("webui")
        assert child
        child.size_bytes = LIMIT_BYTES + 1
        container.write_status(ready=True)
        container.end("agent", 0)
        container.end("webui", 0)
        container.advance(60)
        container.mark_ready()
    assert container.shutdown.exit_code is ExitCode.WEBUI_UNHEALTHY


def test_an_agent_that_says_nothing_new_is_killed_and_started_again(container: Container) -> None:
    agent = container.started["agent"][0]
    container.write_status(ready=True)
    container.advance_by_polls(MAX_SILENT_POLLS - 1)
    assert agent.sent == []
    assert container.supervisor.status.not_ready_reason() == "the agent has fallen silent"
    container.write_status(ready=True)
    assert container.supervisor.status.not_ready_reason() is None
    # A pause of the whole container is no hang of the agent.
    container.advance(1000)
    container.advance_by_polls(MAX_SILENT_POLLS)
    assert agent.sent == ["SIGKILL"]
    container.advance_by_polls(2)
    assert agent.sent == ["SIGKILL"]

    container.end("agent", -9)
    container.advance(1)

    assert len(container.started["agent"]) == 2
    assert container.started["webui"][0].sent == []
    assert not container.shutdown.has_begun


def test_an_agent_that_never_says_anything_is_killed(container: Container) -> None:
    container.advance_by_polls(MAX_SILENT_POLLS + 1)
    assert container.started["agent"][0].sent == ["SIGKILL"]


def test_an_agent_that_hangs_while_it_drains_leaves_no_bad_web_ui_behind(container: Container) -> None:
    container.write_status(ready=True, out_of_memory=1)
    container.advance_by_polls(MAX_SILENT_POLLS)
    container.end("agent", -9)
    assert container.started["webui"][0].sent == ["SIGTERM"]


def test_a_drain_that_lasts_ends_like_any_stop(container: Container) -> None:
    agent = container.started["agent"][0]
    container.write_status(ready=True, out_of_memory=1)
    container.advance(DRAIN_SECONDS - 1)
    assert agent.sent == ["SIGUSR1"]
    container.write_status(ready=True, out_of_memory=1)
    assert agent.sent == ["SIGUSR1", "SIGTERM"]
    container.write_status(ready=True, out_of_memory=1)
    container.advance(105)
    assert agent.sent == ["SIGUSR1", "SIGTERM", "SIGKILL"]
    container.end("agent", -9)
    assert container.started["webui"][0].sent == ["SIGTERM"]
    assert not container.shutdown.has_begun


@pytest.mark.parametrize("reason", ["unhealthy", "disk_limit"])
def test_a_broken_engine_is_replaced_at_once_and_its_agent_runs_on(container: Container, reason: str) -> None:
    first = container.started["webui"][0]
    container.post(on.WebUiUnsound(first, reason))

    assert first.sent == ["SIGTERM"]
    assert not container.is_marked_ready
    container.end("webui", -15)
    container.advance(1)
    container.mark_ready()
    # A late event of the process before.
    container.post(on.WebUiUnsound(first, reason))
    assert container.started["webui"][1].sent == []
    assert container.started["agent"][0].sent == []


def test_an_engine_that_ended_with_its_worker_is_restarted_under_that_reason(container: Container) -> None:
    container.end("webui", ExitCode.INTERNAL_ERROR)
    container.advance(1)
    assert len(container.started["webui"]) == 2
    page = container.supervisor.metrics.page().decode()
    assert 'darkroom_webui_restarts_total{reason="broken"} 1.0' in page
    assert container.started["agent"][0].sent == []


def test_the_agent_may_send_requests_only_while_the_web_ui_is_ready(tmp_path: Path) -> None:
    (tmp_path / "engine-ready").touch()
    container = Container(tmp_path)
    assert not container.is_marked_ready
    container.mark_ready()
    assert container.is_marked_ready
    container.end("webui", -9)
    assert not container.is_marked_ready
    container.advance(1)
    container.mark_ready()
    assert container.is_marked_ready


@pytest.mark.parametrize(("name", "code"), [("webui", ExitCode.WEBUI_UNHEALTHY), ("agent", ExitCode.INTERNAL_ERROR)])
def test_a_process_that_not_even_a_kill_ends_is_left_behind(container: Container, name: str, code: ExitCode) -> None:
    if name == "webui":
        container.post(on.WebUiUnsound(container.started["webui"][0], "unhealthy"))
        container.advance(6)
    else:
        container.advance_by_polls(MAX_SILENT_POLLS + 1)
    stuck = container.started[name][0]
    container.advance(UNKILLABLE_SECONDS + 1)
    assert container.shutdown.exit_code is code

    container.end({"webui": "agent", "agent": "webui"}[name], 0)

    assert container.supervisor.run() is code
    assert stuck.sent.count("SIGKILL") == 1


def test_a_web_ui_that_ended_knows_nothing_of_the_checkpoint(container: Container) -> None:
    child = container.started["webui"][0]
    container.end("webui", -9)
    container.post(on.CheckpointMissing(child, "it did not answer any more"))
    assert not container.shutdown.has_begun


def test_the_end_of_an_unknown_process_is_not_that_of_the_download(tmp_path: Path) -> None:
    container = Container(tmp_path, downloads=True)
    container.post(on.ChildEnded(FakeProcess("webui"), 0))
    assert not container.models.on_disk.is_set()
    container.end("models", 0)
    assert container.models.on_disk.is_set()


def test_the_end_has_an_order(container: Container) -> None:
    container.post(on.ShutdownRequested())
    agent, webui = container.started["agent"][0], container.started["webui"][0]
    assert (agent.sent, webui.sent) == (["SIGTERM"], [])
    container.post(on.ShutdownRequested())
    assert agent.sent == ["SIGTERM", "SIGTERM"]
    container.advance(104)
    assert webui.sent == []
    container.advance(2)
    assert agent.sent[-1] == "SIGKILL"
    container.end("agent", -9)
    assert webui.sent == ["SIGTERM"]
    container.end("webui", 0)
    assert container.shutdown.has_finished(container.clock.seconds)
    assert container.supervisor.run() is ExitCode.STOPPED


STEPS = st.one_of(
    st.tuples(st.just("end"), st.sampled_from(["webui", "models"]), st.sampled_from([0, 1, -9, 66])),
    st.tuples(st.just("end"), st.just("agent"), st.sampled_from([0, 69, 70, 78, -9])),
    st.tuples(st.just("mark_ready")),
    st.tuples(st.just("unusable")),
    st.tuples(st.just("swells")),
    st.tuples(st.just("out_of_memory")),
    st.tuples(st.just("stop")),
    st.tuples(st.just("advance"), st.sampled_from([0.2, 1.0, 10.0, 100.0, 1000.0])),
)


def apply(container: Container, step: tuple[object, ...]) -> None:
    webui = container.running("webui")
    match step:
        case ("end", str(name), int(status)):
            container.end(name, status)
        case ("advance", float(seconds)):
            container.advance(seconds)
        case ("mark_ready",) if container.models.on_disk.is_set():
            container.mark_ready()
        case ("unusable",) if webui and not container.webui.is_ready:
            container.post(on.WebUiUnsound(webui, "unusable", "reason"))
        case ("swells",) if webui:
            webui.size_bytes = LIMIT_BYTES * 2
        case ("out_of_memory",) if container.running("agent"):
            container.write_status(ready=True, out_of_memory=1)
        case ("stop",):
            container.post(on.ShutdownRequested())


@settings(max_examples=200)
@given(st.booleans(), st.lists(STEPS, max_size=40))
def test_in_any_order_of_events(downloads: bool, steps: list[tuple[object, ...]]) -> None:
    with TemporaryDirectory() as folder:
        container = Container(Path(folder), downloads=downloads)
        if not downloads:
            # Most faults need a Web UI that is ready.
            container.mark_ready()
        for step in steps:
            serving = container.running("webui") if container.webui.is_ready else None
            count = len(container.started["agent"])
            apply(container, step)
            agent = container.running("agent")
            if serving and serving.running and agent and "SIGKILL" not in agent.sent:
                assert serving.sent == [], "a Web UI that works for an agent is never ended"
            if len(container.started["agent"]) > count:
                assert container.webui.is_ready
                assert container.models.on_disk.is_set()
            assert all(sum(child.running for child in children) <= 1 for children in container.started.values())
        container.post(on.ShutdownRequested())
        for name, status in (("models", -15), ("agent", 0), ("webui", 0)):
            container.end(name, status)
        assert container.shutdown.has_finished(container.clock.seconds)
        assert not any(child.running for children in container.started.values() for child in children)
