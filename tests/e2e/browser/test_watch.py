"""Watch in a browser: live progress with a preview, what a task waits for, cancel and retry, without a reload."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, expect

from contract.heartbeat import start_report
from tests.e2e.browser.console_tab import ConsoleTab, expect_picture, open_tab
from tests.harness.local_system import System

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system"), pytest.mark.timeout(600)]

#: Work of many minutes, which no test waits for.
ENDLESS: Final[dict[str, Any]] = {"prompt": "A dog", "steps": 150, "n_iter": 8, "width": 512, "height": 512}
SMALL: Final[dict[str, Any]] = {"prompt": "A dog", "steps": 1, "width": 64, "height": 64}
#: Seconds that a test waits for a drawing, and milliseconds for what follows from it.
DEADLINE_SECONDS: Final = 180
DEADLINE_MS: Final = DEADLINE_SECONDS * 1000


def submit(system: System, task_id: str, content: Mapping[str, Any]) -> None:
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", "policy": {"preview": True}}
    response = system.http("POST", "/v1alpha2", json={"task": {"metadata": metadata, "content": content}})
    assert response.status_code == 200, response.text


def progress_of(card: Locator) -> float:
    bar = card.get_by_role("progressbar", name="Progress of the task")
    return float(bar.evaluate("bar => bar.value")) if bar.count() else 0


@pytest.fixture
def drawing_tab(browser: Browser, drawing_system: System) -> Iterator[ConsoleTab]:
    """Open a tab for the console of the system whose Web UIs draw, which send previews."""
    with open_tab(browser, drawing_system.endpoints["http_url"], key=drawing_system.endpoints["api_key"]) as opened:
        yield opened


def test_a_running_task_moves_shows_its_preview_and_is_cancelled(
    drawing_tab: ConsoleTab, drawing_system: System
) -> None:
    page = drawing_tab.page
    drawing_tab.sign_in()
    drawing_tab.show("Watch")
    submit(drawing_system, "watched", ENDLESS)
    card = page.get_by_role("article", name="Task watched")
    drawing_system.eventually(lambda: progress_of(card) > 0, "the first progress", DEADLINE_SECONDS)
    first = progress_of(card)
    drawing_system.eventually(lambda: progress_of(card) > first, "more progress", DEADLINE_SECONDS)
    expect(card.get_by_text("step")).to_be_visible()
    expect_picture(card.get_by_role("img", name="A dog"))
    card.get_by_role("button", name="Cancel task watched").click()
    expect(card.get_by_text("Cancelled", exact=True)).to_be_visible(timeout=DEADLINE_MS)
    assert drawing_system.shown("watched")["status"] == "CANCELLED"
    expect(card.get_by_role("button", name="Retry task watched")).to_have_count(0)


def test_a_failed_task_is_retried(tab: ConsoleTab, system: System) -> None:
    submit(system, "retried", SMALL | {"sampler_name": "No Such Sampler"})
    tab.sign_in()
    tab.show("Watch")
    card = tab.page.get_by_role("region", name="Just ended").get_by_role("article", name="Task retried")
    expect(card.get_by_text("unknown_sampler")).to_be_visible()
    first = system.shown("retried")
    card.get_by_role("button", name="Retry task retried").click()
    again = system.eventually(lambda: second_run(system, first["submitted_at"]), "the second run", DEADLINE_SECONDS)
    assert again["status"] in {"IN_QUEUE", "IN_PROGRESS", "FAILED"}


def second_run(system: System, first_moment: str) -> dict[str, Any] | None:
    shown = system.shown("retried")
    return shown if shown["submitted_at"] > first_moment else None


def test_a_waiting_task_shows_its_place_and_is_cancelled(idle_tab: ConsoleTab, idle_system: System) -> None:
    submit(idle_system, "waits", ENDLESS)
    idle_tab.sign_in()
    idle_tab.show("Watch")
    waiting = idle_tab.page.get_by_role("region", name="Waiting")
    card = waiting.get_by_role("article", name="Task waits")
    expect(card.get_by_text("Position 1 in the queue")).to_be_visible()
    card.get_by_role("button", name="Cancel task waits").click()
    ended = idle_tab.page.get_by_role("region", name="Just ended")
    expect(ended.get_by_role("article", name="Task waits").get_by_text("Cancelled", exact=True)).to_be_visible()
    assert idle_system.shown("waits")["status"] == "CANCELLED"


def test_a_waiting_task_shows_the_start_of_its_replica(idle_tab: ConsoleTab, idle_system: System) -> None:
    """The node and the image come before the replica can report; then its models, then its Web UI."""
    submit(idle_system, "starts", ENDLESS)
    idle_tab.sign_in()
    idle_tab.show("Watch")
    card = idle_tab.page.get_by_role("article", name="Task starts")
    parts = card.get_by_role("list", name="Start of the replica").get_by_role("listitem")
    usual = ["node, usually 1 min 35 s", "image, usually 1 min 0 s", "models, usually 42 s", "Web UI, usually 12 s"]
    expect(parts).to_have_text(usual)
    present = card.locator("[aria-current=step]")
    expect(present).to_have_text(usual[:2])
    for done, name in ((500_000_000, usual[2]), (2_000_000_000, usual[3])):
        report(idle_system, done)
        expect(present).to_have_text([name])
        if done == 500_000_000:
            expect(card.get_by_text("A replica starts: 500.0 MB of 2.0 GB of its models are there")).to_be_visible()
    idle_system.http("DELETE", "/v1alpha2/tasks/starts")


def report(system: System, bytes_done: int) -> None:
    """Report the start of a replica as its model downloader does."""
    models = {"bytes": 2_000_000_000, "bytes_done": bytes_done}
    now_ms = int(time.time() * 1000)
    system.table().update_item(**start_report("replica-1", "sdruntime", models=models, now_ms=now_ms))
