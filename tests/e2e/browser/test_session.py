"""Session of a tab: the key that stays in it, the wrong key, and an API that goes away and comes back."""

import re

import pytest
from playwright.sync_api import FilePayload, Route, expect

from local.demo.pictures import input_picture
from tests.e2e.browser.console_tab import DEADLINE_MS, SIDE, ConsoleTab
from tests.harness.eventually import eventually
from tests.harness.local_system import System

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system")]

STORED = "() => JSON.stringify([Object.entries(sessionStorage), Object.entries(localStorage), document.cookie])"


@pytest.mark.parametrize("key", ["wrong", "schlüssel", "two words"])
def test_a_wrong_key_is_refused_and_forgotten(tab: ConsoleTab, key: str) -> None:
    tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 40")
    tab.sign_in(key)
    expect(tab.page.get_by_role("alert")).to_have_text("The environment does not know this key.")
    expect(tab.page.get_by_role("navigation")).to_have_count(0)
    assert tab.page.evaluate(STORED) == '[[],[],""]'


def test_the_key_stays_in_its_tab(tab: ConsoleTab) -> None:
    tab.sign_in()
    tab.show("Look")
    session, local, cookie = tab.page.evaluate(f"() => JSON.parse(({STORED})())")
    assert [value for _, value in session] == [tab.key]
    assert (local, cookie) == ([], "")
    tab.page.reload()
    expect(tab.page.get_by_role("heading", level=1, name="Look")).to_be_visible()
    other = tab.page.context.new_page()
    other.goto(tab.page.url)
    expect(other.get_by_label("API key")).to_have_value("")
    tab.page.get_by_role("button", name="Sign out").click()
    expect(tab.page.get_by_label("API key")).to_have_value("")
    assert tab.page.evaluate(STORED) == '[[],[],""]'


def test_a_late_refusal_of_an_earlier_key_does_not_end_the_session(tab: ConsoleTab, system: System) -> None:
    tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 401")
    page = tab.page
    tab.sign_in()
    refusal = {"error": {"code": "unauthorized", "message": "The key is not known.", "details": []}}
    held: list[Route] = []
    page.route("**/v1alpha2/tasks?**", lambda route: held.extend([route]) if len(held) < 3 else route.continue_())
    page.get_by_role("navigation").get_by_role("link", name="Watch").click()
    eventually(lambda: page.title() and len(held) == 3, "the requests of the screen", DEADLINE_MS / 1000)
    first, second, _ = held
    first.fulfill(status=401, json=refusal)
    expect(page.get_by_role("alert")).to_have_text(re.compile("Sign in again"))
    another = system.api_key("guest")
    page.get_by_label("API key").fill(another)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Watch")).to_be_visible()
    with page.expect_response(lambda response: response.status == 401):
        second.fulfill(status=401, json=refusal)
    tab.show("Look")
    assert another in page.evaluate(STORED)


def test_the_focus_stays_with_the_person(tab: ConsoleTab) -> None:
    page = tab.page
    tab.sign_in()
    expect(page.locator("#content")).to_be_focused()
    send = page.get_by_role("button", name="Make it")
    page.get_by_label("Prompt", exact=True).fill("a secret")
    page.get_by_label("Width").fill(str(SIDE))
    page.get_by_label("Height").fill(str(SIDE))
    expect(send).to_be_enabled()
    send.press("Enter")
    expect(page.get_by_role("article").get_by_text("Done")).to_be_visible()
    expect(send).to_be_focused()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_focused()
    expect(page).to_have_title("Darkroom")
    page.get_by_label("API key").fill(tab.key)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("")
    expect(page.get_by_role("article")).to_have_count(0)


def test_an_api_that_goes_away_and_comes_back_loses_nothing(tab: ConsoleTab) -> None:
    tab.expected_errors.append("error: Failed to load resource: net::ERR_INTERNET_DISCONNECTED")
    tab.sign_in()
    tab.page.get_by_label("Prompt", exact=True).fill("a red circle")
    notice = tab.page.get_by_text("The API does not answer.")
    tab.page.context.set_offline(True)
    tab.page.get_by_role("button", name="Make it").click()
    expect(notice.first).to_be_visible()
    tab.page.context.set_offline(False)
    card = tab.make("a red circle")
    expect(card.get_by_text("Done")).to_be_visible()
    expect(notice).to_have_count(0)


def test_what_fails_without_a_network_says_what_to_do(tab: ConsoleTab) -> None:
    tab.expected_errors.append("error: Failed to load resource: net::ERR_FAILED")
    page = tab.page
    tab.sign_in()
    card = tab.make("a red circle")
    expect(card.get_by_text("Done")).to_be_visible()
    page.get_by_label("Image to image").check()
    page.route("**/v1alpha2/**", lambda route: route.abort())
    unanswered = "The API does not answer. Try again in a moment."
    file = FilePayload(name="cat.png", mimeType="image/png", buffer=input_picture())
    page.get_by_label("Choose a file").set_input_files(file)
    expect(page.get_by_role("alert").get_by_text(unanswered)).to_be_visible()
    card.get_by_role("link").last.click()
    # The dialog hides the notice of the page below it.
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("The page tries again by itself")


def test_a_screen_goes_on_when_the_api_comes_back(tab: ConsoleTab, system: System) -> None:
    tab.expected_errors.append("error: Failed to load resource: net::ERR_INTERNET_DISCONNECTED")
    tab.sign_in()
    tab.show("Watch")
    expect(tab.page.get_by_text("Loading")).to_have_count(0)
    tab.page.context.set_offline(True)
    notice = tab.page.get_by_text("The API does not answer.")
    expect(notice).to_be_visible()
    metadata = {"id": "made-meanwhile", "runtime": "sdruntime", "tasktype": "text-to-image"}
    content = {"prompt": "A dog", "steps": 1, "width": SIDE, "height": SIDE}
    assert system.http("POST", "/v1alpha2", json={"task": {"metadata": metadata, "content": content}}).is_success
    system.eventually(lambda: system.shown("made-meanwhile")["completed_at"], "the picture")
    tab.page.context.set_offline(False)
    expect(tab.page.get_by_role("article", name="Task made-meanwhile").get_by_text("Done")).to_be_visible()
    expect(notice).to_have_count(0)


def test_a_slow_network_shows_that_something_comes(tab: ConsoleTab) -> None:
    held: list[Route] = []
    is_slow = True

    def hold(route: Route) -> None:
        if is_slow:
            held.append(route)
        else:
            route.continue_()

    tab.sign_in()
    expect(tab.page.get_by_role("navigation")).to_be_visible()
    tab.page.route("**/v1alpha2/**", hold)
    for screen in ("Watch", "Look"):
        tab.page.get_by_role("navigation").get_by_role("link", name=screen).click()
        expect(tab.page.get_by_role("status").filter(has_text="Loading")).to_be_visible()
    is_slow = False
    for route in held:
        route.continue_()
    expect(tab.page.get_by_text("Loading")).to_have_count(0)


def test_an_environment_without_tasks_says_what_to_do(idle_tab: ConsoleTab, idle_system: System) -> None:
    idle_tab.sign_in(idle_system.api_key("guest"))
    idle_tab.show("Watch")
    expect(idle_tab.page.get_by_text("No task waits or runs, and none has ended yet.")).to_be_visible()
    idle_tab.show("Look")
    expect(idle_tab.page.get_by_text("There are no pictures yet.")).to_be_visible()
    idle_tab.page.get_by_role("link", name="Make a picture").click()
    expect(idle_tab.page.get_by_label("Prompt", exact=True)).to_be_visible()
