"""Console by keys alone: every step of a task, from the key of the API to the picture of the gallery."""

import pytest
from playwright.sync_api import Page, Route, expect

from local.demo.pictures import input_picture
from tests.e2e.browser.console_tab import DEADLINE_MS, SIDE, ConsoleTab, expect_picture
from tests.harness.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system"), pytest.mark.timeout(600)]

#: Stops of the Tab key on a page, at most.
MAX_STOPS = 100


def test_a_picture_is_made_and_looked_at_by_keys(tab: ConsoleTab) -> None:
    page = tab.page
    tab.open()
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type(tab.key)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Runtime")).to_have_value("sdruntime")
    type_into(page, "textarea#prompt", "a green square")
    for field, value in (("width", SIDE), ("height", SIDE), ("steps", 1), ("batchSize", 2)):
        type_into(page, f"input#{field}", str(value))
    page.keyboard.press("Control+Enter")
    card = page.get_by_role("region", name="Sent from here").get_by_role("article")
    expect_picture(card.get_by_role("img", name="a green square"))
    press_until_focused(page, "article a")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    first = dialog.get_by_role("button", name="Picture 1 of 2")
    expect(first).to_have_attribute("aria-current", "true")
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("button", name="Picture 2 of 2")).to_have_attribute("aria-current", "true")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("heading", level=1, name="Look")).to_be_visible()
    press_until_focused(page, "a.skip-link", key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_a_mask_is_painted_by_keys(tab: ConsoleTab) -> None:
    page = tab.page
    tab.sign_in()
    page.get_by_label("Inpaint").check()
    tab.choose_picture("cat.png", input_picture())
    press_until_focused(page, "canvas#mask")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.get_by_role("img", name="Mask with 2 strokes")).to_be_focused()


@pytest.mark.parametrize(("field", "text"), [("guidance", "7.5"), ("seed", "-17"), ("loraWeight", "0.05")])
def test_a_number_is_typed_key_by_key(tab: ConsoleTab, field: str, text: str) -> None:
    tab.sign_in()
    expect(tab.page.get_by_role("combobox", name="LoRA")).to_be_enabled()
    type_into(tab.page, f"input#{field}", text)
    expect(tab.page.locator(f"input#{field}")).to_have_value(text)


def test_an_empty_number_stays_empty_while_names_arrive(tab: ConsoleTab) -> None:
    page = tab.page
    held: list[Route] = []
    page.route("**/v1alpha2/runtimes/sdruntime", lambda route: held.extend([route]))
    tab.sign_in()
    expect(page.get_by_label("Runtime")).to_have_value("sdruntime")
    eventually(lambda: page.title() and held, "the request for the names", DEADLINE_MS / 1000)
    steps = page.get_by_label("Steps")
    steps.fill("")
    for route in held:
        route.continue_()
    expect(page.get_by_role("combobox", name="LoRA")).to_be_enabled()
    expect(steps).to_have_value("")
    steps.blur()
    expect(steps).to_have_value("20")


def type_into(page: Page, selector: str, text: str) -> None:
    press_until_focused(page, selector)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def press_until_focused(page: Page, selector: str, *, key: str = "Tab") -> None:
    for _ in range(MAX_STOPS):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
    pytest.fail(f"no stop of the {key} key is {selector}")
