"""Every screen for every person: axe-core finds nothing serious, and a phone shows all."""

from collections.abc import Iterator
from functools import cache
from typing import Final, Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.conventions.language import PROJECT
from tests.e2e.browser.console_tab import DESKTOP, PHONE, SIDE, ConsoleTab, expect_picture, open_tab, task_of
from tests.harness.local_system import System

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system")]

SCREENS: Final = ("Create", "Watch", "Look", "Fleet")
#: Id without a place at which a line could end, as wide as two telephones.
LONG_ID: Final = "screen" + "x" * 90
AXE: Final = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
#: Runs every rule of axe-core on the page, and returns the number of rules that passed and what broke the others.
JUDGE: Final = """async () => {
  const { passes, violations } = await axe.run(document, { resultTypes: ["violations", "passes"] });
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  const found = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(" | ")}`);
  return [passes.length, found];
}"""


@cache
def axe() -> str:
    return AXE.read_text()


def expect_accessible(page: Page) -> None:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(axe())
    passed, found = page.evaluate(JUDGE)
    assert passed > 5
    assert found == []


@pytest.fixture(params=[("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE), ("dark", PHONE)], ids=str)
def look_tab(request: pytest.FixtureRequest, browser: Browser, system: System) -> Iterator[ConsoleTab]:
    """Open a tab of each look with an administrator's key, who sees every screen."""
    scheme: Literal["light", "dark"]
    scheme, size = request.param
    url, key = system.endpoints["http_url"], system.api_key("boss")
    with open_tab(browser, url, key=key, size=size, scheme=scheme) as opened:
        yield opened


@pytest.fixture(scope="module")
def finished_tasks(system: System) -> dict[str, str]:
    """Make a picture and a failure, so that no screen is empty."""
    made = {LONG_ID: {"prompt": "a red circle"}, "screen-failed": {"prompt": "a", "sampler_name": "Nope"}}
    for task_id, content in made.items():
        metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image"}
        task = {"metadata": metadata, "content": content | {"steps": 1, "width": SIDE, "height": SIDE}}
        assert system.http("POST", "/v1alpha2", json={"task": task}, key=system.api_key("boss")).status_code == 200

    def ended(task_id: str) -> str | None:
        shown = system.http("GET", f"/v1alpha2/tasks/{task_id}", key=system.api_key("boss")).json()
        return str(shown["status"]) if shown["completed_at"] else None

    return {task_id: system.eventually(lambda name=task_id: ended(name), task_id) for task_id in made}  # type: ignore[misc]


def test_every_screen_is_accessible_and_fits(look_tab: ConsoleTab, finished_tasks: dict[str, str]) -> None:
    assert finished_tasks == {LONG_ID: "COMPLETED", "screen-failed": "FAILED"}
    page = look_tab.page
    look_tab.open()
    expect(page.get_by_label("API key")).to_be_visible()
    expect_accessible(page)
    look_tab.sign_in()
    for screen in SCREENS:
        look_tab.show(screen)
        expect(page.get_by_text("Loading")).to_have_count(0)
        expect_accessible(page)
        expect_no_sideways_scroll(page)
    for kind in ("Inpaint", "Upscale"):
        look_tab.show("Create")
        page.get_by_label(kind).check()
        expect_accessible(page)
        expect_no_sideways_scroll(page)
    for task_id in finished_tasks:
        look_tab.open(f"#/look/{task_id}")
        dialog = page.get_by_role("dialog", name=task_id)
        expect(dialog.get_by_text("Loading")).to_have_count(0)
        expect_accessible(page)
        expect_no_sideways_scroll(page)


def test_a_picture_that_arrives_moves_no_button(browser: Browser, system: System) -> None:
    with open_tab(browser, system.endpoints["http_url"], key=system.endpoints["api_key"], size=PHONE) as tab:
        page = tab.page
        held: list[Route] = []
        preview = ""

        def show_running(route: Route) -> None:
            response = route.fetch()
            route.fulfill(response=response, json=response.json() | {"status": "IN_PROGRESS", "preview": preview})

        tab.sign_in()
        task_id = task_of(tab.make("a red circle"))
        shown = system.eventually(lambda: system.shown(task_id)["outputs"], "the picture")
        page.route(f"**/v1alpha2/tasks/{task_id}", show_running)
        cancel = page.get_by_role("article").get_by_role("button", name="Cancel")
        expect(cancel).to_be_visible()
        before = place_of(cancel)
        preview = shown[0]["url"]
        expect_picture(page.get_by_role("article").get_by_role("img"))
        assert place_of(cancel) == before
        page.unroute(f"**/v1alpha2/tasks/{task_id}")
        page.route(lambda url: ".png" in url, lambda route: held.extend([route]))
        tab.open("#/look")
        page.reload()
        tab.open(f"#/look/{task_id}")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Again with another seed")).to_be_visible()
        download = dialog.get_by_role("link", name="Download")
        before = place_of(download)
        system.eventually(lambda: page.title() and held, "the request for the picture")
        for route in held:
            route.continue_()
        expect_picture(dialog.get_by_role("img"))
        assert place_of(download) == before


def place_of(control: Locator) -> float:
    """Return where a control is on the page, however far the page is scrolled."""
    return float(control.evaluate("control => control.getBoundingClientRect().top + scrollY"))


def expect_no_sideways_scroll(page: Page) -> None:
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
