"""What happens to the tasks when a process of the container dies, swells, or is told to stop."""

import os
import signal

import pytest

from contract.record import Status
from runtime_image.process.exit_codes import ExitCode
from tests.integration.supervisor.conftest import PATIENCE_SECONDS, Container, Place

#: Steps of 10 ms: long enough to be caught in the act, short enough to wait for.
LONG = {"prompt": "long", "steps": 150}
#: Longer than any grace period here.
VERY_LONG = {"prompt": "very long", "steps": 6000}


def wait_for_generation(place: Place, task_id: str) -> None:
    place.wait_for(task_id, Status.IN_PROGRESS, PATIENCE_SECONDS)
    place.eventually(lambda: place.noted("generations"), "the generation", PATIENCE_SECONDS)


def test_an_out_of_memory_answer_restarts_the_web_ui(place: Place) -> None:
    place.tell("out-of-memory")
    container = place.start()
    place.submit("large")

    container.wait_for("webui_replaced", reason="out_of_memory")
    container.wait_for("child_started", child="agent", count=2)

    record = place.read("large")
    assert record.last_error
    assert record.last_error["code"] == "out_of_memory"
    assert container.metric('darkroom_webui_restarts_total{reason="out_of_memory"}') == 1
    assert len(set(place.noted("starts"))) == 2


def test_a_swollen_web_ui_restarts_but_never_in_mid_task(place: Place) -> None:
    place.tell("swell")
    container = place.start(WEBUI_MEMORY_LIMIT="100MiB", GRACE_PERIOD_SECONDS=1)
    place.submit("long", {**LONG, "steps": 100})
    place.submit("next")

    records = [place.wait_for(task_id, Status.COMPLETED, PATIENCE_SECONDS) for task_id in ("long", "next")]

    assert records[0].attempts == 1
    container.wait_for("webui_replaced", reason="memory_limit")
    drained = container.wait_for("child_ended", child="agent", status=0)
    finished = container.wait_for("task_finished", task_id="long")
    assert finished["time"] < drained["time"]
    assert drained["time"] < container.wait_for("child_ended", child="webui")["time"]


def test_a_web_ui_that_stands_still_is_replaced(place: Place) -> None:
    # So long that a machine with much else to do is not taken for a Web UI that hangs.
    container = place.start(HANG_SECONDS=2, GRACE_PERIOD_SECONDS=5)
    place.submit("very-long", VERY_LONG)
    wait_for_generation(place, "very-long")

    os.kill(place.webui_pid(), signal.SIGSTOP)

    container.wait_for("child_ended", child="agent", status=int(ExitCode.WEBUI_UNHEALTHY))
    container.wait_for("webui_replaced", reason="unhealthy")
    # It does not hear SIGTERM either.
    container.wait_for("child_killed", child="webui")
    container.wait_for("child_started", child="agent", count=2)
    assert container.metric('darkroom_webui_restarts_total{reason="unhealthy"}') == 1
    assert place.read("very-long").last_error


def test_a_web_ui_that_hangs_with_nothing_to_do_is_replaced(place: Place) -> None:
    container = place.start(HANG_SECONDS=2, GRACE_PERIOD_SECONDS=5)
    container.wait_until_ready()

    os.kill(place.webui_pid(), signal.SIGSTOP)

    container.wait_for("webui_replaced", reason="unhealthy")
    place.submit("cat")
    place.wait_for("cat", Status.COMPLETED, PATIENCE_SECONDS)
    assert len(container.events("child_started", child="agent")) == 1


def test_a_dead_agent_is_started_again_and_one_that_stops_ends_the_container(place: Place) -> None:
    # The queue may have answered the dead one: its message comes again after this time.
    container = place.start(VISIBILITY_TIMEOUT_SECONDS=3)
    container.wait_until_ready()

    os.kill(container.wait_for("child_started", child="agent")["pid"], signal.SIGKILL)

    container.wait_for("child_started", child="agent", count=2)
    place.submit("cat")
    place.wait_for("cat", Status.COMPLETED, PATIENCE_SECONDS)
    assert container.metric("darkroom_agent_restarts_total") == 1
    assert len(place.noted("starts")) == 1

    # One that stops by itself does so for its machine.
    os.kill(container.wait_for("child_started", child="agent", count=2)["pid"], signal.SIGTERM)
    assert container.exit_code() is ExitCode.STOPPED


@pytest.mark.parametrize("phase", ["download", "start", "pause"])
def test_sigterm_before_there_is_work(place: Place, phase: str) -> None:
    container = {"download": _downloading, "start": _starting, "pause": _pausing}[phase](place)

    container.stop()

    assert container.exit_code() is ExitCode.STOPPED


def test_sigterm_lets_a_task_come_to_its_end(place: Place) -> None:
    container = place.start()
    place.submit("long", LONG)
    wait_for_generation(place, "long")

    container.stop()

    assert container.exit_code() is ExitCode.STOPPED
    record = place.read("long")
    assert (record.status, record.attempts) == (Status.COMPLETED, 1)
    assert [line["child"] for line in container.events("child_ended")] == ["agent", "webui"]


def test_sigterm_hands_back_what_takes_longer_than_the_grace_period(place: Place) -> None:
    container = place.start(GRACE_PERIOD_SECONDS=6)
    place.submit("very-long", VERY_LONG)
    wait_for_generation(place, "very-long")

    container.stop()

    assert container.exit_code() is ExitCode.STOPPED
    assert place.read("very-long").status is Status.IN_QUEUE
    assert sum(place.counts()) == 1


def test_a_second_sigterm_hurries(place: Place) -> None:
    container = place.start(GRACE_PERIOD_SECONDS=60)
    place.submit("very-long", VERY_LONG)
    wait_for_generation(place, "very-long")

    container.stop()
    container.wait_for("stop_requested", held=1)
    container.stop()

    assert container.exit_code() is ExitCode.STOPPED
    assert place.read("very-long").status is Status.IN_QUEUE


def _downloading(place: Place) -> Container:
    container = place.start("sleep", "60")
    container.wait_for("child_started", child="models")
    return container


def _starting(place: Place) -> Container:
    place.tell("hang")
    container = place.start()
    place.webui_pid()
    return container


def _pausing(place: Place) -> Container:
    container = place.start(WEBUI_COMMAND="false", WEBUI_RESTARTS=20)
    # The pause after it is the third: two seconds long.
    container.wait_for("child_ended", child="webui", count=3)
    return container
