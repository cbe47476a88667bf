"""Faults of a running container: a process dies, hangs or swells, or the container is asked to stop."""

import os
import signal

import pytest

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from tests.integration.supervisor.container import (
    LONG,
    PATIENCE_SECONDS,
    Container,
    ContainerHarness,
    wait_for_generation,
)

#: Longer than any grace period here.
VERY_LONG = {"prompt": "very long", "steps": 6000}


def test_an_out_of_memory_answer_restarts_the_web_ui(harness: ContainerHarness) -> None:
    harness.request_fault("out-of-memory")
    container = harness.start()
    harness.submit("large")

    container.wait_for("webui_replaced", reason="out_of_memory")
    container.wait_for("child_started", child="agent", count=2)

    record = harness.read("large")
    assert record.last_error
    assert record.last_error["code"] == "out_of_memory"
    assert container.metric('darkroom_webui_restarts_total{reason="out_of_memory"}') == 1
    assert len(set(harness.recorded("starts"))) == 2


def test_a_swollen_web_ui_restarts_but_never_in_mid_task(harness: ContainerHarness) -> None:
    harness.request_fault("swell")
    container = harness.start(WEBUI_MEMORY_LIMIT="100MiB", GRACE_PERIOD_SECONDS=1)
    harness.submit("long", {**LONG, "steps": 100})
    harness.submit("next")

    records = [harness.wait_for(task_id, Status.COMPLETED, PATIENCE_SECONDS) for task_id in ("long", "next")]

    assert records[0].attempts == 1
    container.wait_for("webui_replaced", reason="memory_limit")
    drained = container.wait_for("child_ended", child="agent", status=0)
    finished = container.wait_for("task_finished", task_id="long")
    assert finished["time"] < drained["time"]
    assert drained["time"] < container.wait_for("child_ended", child="webui")["time"]


def test_a_web_ui_that_hangs_in_mid_task_is_replaced(harness: ContainerHarness) -> None:
    # The limit is so long that a busy machine does not look like a Web UI that hangs.
    container = harness.start(HANG_SECONDS=2, GRACE_PERIOD_SECONDS=5)
    harness.submit("very-long", VERY_LONG)
    wait_for_generation(harness, "very-long")

    os.kill(harness.webui_pid(), signal.SIGSTOP)

    container.wait_for("child_ended", child="agent", status=int(ExitCode.WEBUI_UNHEALTHY))
    container.wait_for("webui_replaced", reason="unhealthy")
    # A stopped process does not handle SIGTERM either.
    container.wait_for("child_killed", child="webui")
    container.wait_for("child_started", child="agent", count=2)
    assert container.metric('darkroom_webui_restarts_total{reason="unhealthy"}') == 1
    assert harness.read("very-long").last_error


def test_a_web_ui_that_hangs_while_idle_is_replaced(harness: ContainerHarness) -> None:
    container = harness.start(HANG_SECONDS=2, GRACE_PERIOD_SECONDS=5)
    container.wait_until_ready()

    os.kill(harness.webui_pid(), signal.SIGSTOP)

    container.wait_for("webui_replaced", reason="unhealthy")
    harness.submit("cat")
    harness.wait_for("cat", Status.COMPLETED, PATIENCE_SECONDS)
    assert len(container.events("child_started", child="agent")) == 1


def test_a_dead_agent_is_started_again_and_one_that_stops_ends_the_container(harness: ContainerHarness) -> None:
    # The queue may have sent the message to the dead agent. It sends it again after this time.
    container = harness.start(VISIBILITY_TIMEOUT_SECONDS=3)
    container.wait_until_ready()

    os.kill(container.wait_for("child_started", child="agent")["pid"], signal.SIGKILL)

    container.wait_for("child_started", child="agent", count=2)
    harness.submit("cat")
    harness.wait_for("cat", Status.COMPLETED, PATIENCE_SECONDS)
    assert container.metric("darkroom_agent_restarts_total") == 1
    assert len(harness.recorded("starts")) == 1

    # An agent that stops by itself does so because its machine is withdrawn.
    os.kill(container.wait_for("child_started", child="agent", count=2)["pid"], signal.SIGTERM)
    assert container.exit_code() is ExitCode.STOPPED


@pytest.mark.parametrize("phase", ["download", "start", "pause"])
def test_sigterm_before_there_is_work(harness: ContainerHarness, phase: str) -> None:
    container = {"download": _downloading, "start": _starting, "pause": _pausing}[phase](harness)

    container.stop()

    assert container.exit_code() is ExitCode.STOPPED


def test_sigterm_lets_a_task_come_to_its_end(harness: ContainerHarness) -> None:
    container = harness.start()
    harness.submit("long", LONG)
    wait_for_generation(harness, "long")

    container.stop()

    assert container.exit_code() is ExitCode.STOPPED
    record = harness.read("long")
    assert (record.status, record.attempts) == (Status.COMPLETED, 1)
    assert [line["child"] for line in container.events("child_ended")] == ["agent", "webui"]


def test_sigterm_releases_a_task_that_exceeds_the_grace_period(harness: ContainerHarness) -> None:
    container = harness.start(GRACE_PERIOD_SECONDS=6)
    harness.submit("very-long", VERY_LONG)
    wait_for_generation(harness, "very-long")

    container.stop()

    assert container.exit_code() is ExitCode.STOPPED
    assert harness.read("very-long").status is Status.IN_QUEUE
    assert sum(harness.counts()) == 1


def test_a_second_sigterm_hurries(harness: ContainerHarness) -> None:
    container = harness.start(GRACE_PERIOD_SECONDS=60)
    harness.submit("very-long", VERY_LONG)
    wait_for_generation(harness, "very-long")

    container.stop()
    container.wait_for("stop_requested", held=1)
    container.stop()

    assert container.exit_code() is ExitCode.STOPPED
    assert harness.read("very-long").status is Status.IN_QUEUE


def _downloading(harness: ContainerHarness) -> Container:
    container = harness.start("sleep", "60")
    container.wait_for("child_started", child="models")
    return container


def _starting(harness: ContainerHarness) -> Container:
    harness.request_fault("hang")
    container = harness.start()
    harness.webui_pid()
    return container


def _pausing(harness: ContainerHarness) -> Container:
    container = harness.start(WEBUI_COMMAND="false", WEBUI_RESTARTS=20)
    # The third pause follows, which lasts two seconds.
    container.wait_for("child_ended", child="webui", count=3)
    return container
