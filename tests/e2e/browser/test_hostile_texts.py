"""Hostile texts in every place that the console shows: each is read as text, and none becomes an element or a link."""

import re
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from stub_webui.png_images import plain_png
from tests.e2e.browser.console_tab import SIDE, ConsoleTab, task_of
from tests.harness.local_system import System

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system")]

TEXTS: Final = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    '"><svg onload=alert(3)>',
    "' onfocus='alert(4)' autofocus='",
    '<a href="javascript:alert(5)">click</a>',
    "<iframe srcdoc='<script>parent.alert(6)</script>'></iframe>",
    "</textarea></pre><script>alert(7)</script>",
    "${alert(8)} {{constructor.constructor('alert(8)')()}}",
    "<math><mi xlink:href='data:text/html,<script>alert(9)</script>'>",
    "<style>*{background:url(http://evil.example/)}</style>",
    "javascript:alert(10)",
)
#: Elements that only a hostile text could have made, and links that run code.
MADE: Final = (
    "img[src='x'], script:not([src]), svg[onload], [onerror], [onfocus], iframe, math, style, "
    "a[href^='javascript:' i], a[href^='data:' i], form[action]"
)


def expect_nothing_made(page: Page) -> None:
    expect(page.locator(MADE)).to_have_count(0)


def submit(system: System, number: int, text: str) -> str:
    task_id = f"hostile-{number}"
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image", "context": text}
    content = {"prompt": text, "negative_prompt": text, "steps": 1, "width": SIDE, "height": SIDE}
    response = system.http("POST", "/v1alpha2", json={"task": {"metadata": metadata, "content": content}})
    assert response.status_code == 200, response.text
    return task_id


def test_prompts_and_the_infotexts_of_their_pictures_are_texts(tab: ConsoleTab, system: System) -> None:
    tasks = {submit(system, number, text): text for number, text in enumerate(TEXTS)}
    for task_id in tasks:
        system.eventually(lambda name=task_id: system.shown(name)["completed_at"], f"the end of {task_id}")  # type: ignore[misc]
    tab.sign_in()
    tab.show("Watch")
    for text in TEXTS[-3:]:
        expect(tab.page.get_by_text(text, exact=True).first).to_be_visible()
    expect_nothing_made(tab.page)
    for task_id, text in tasks.items():
        tab.open(f"#/look/{task_id}")
        dialog = tab.page.get_by_role("dialog", name=task_id)
        expect(dialog.get_by_text(text, exact=True).first).to_be_visible()
        expect(dialog.get_by_text(f"Negative prompt: {text}").first).to_be_attached()
        expect_nothing_made(tab.page)


def test_ids_of_an_address_are_texts(tab: ConsoleTab) -> None:
    tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 40")
    tab.sign_in()
    for text in TEXTS:
        tab.page.evaluate("text => { location.hash = `#/look/${encodeURIComponent(text)}`; }", text)
        dialog = tab.page.get_by_role("dialog", name=text)
        expect(dialog.get_by_role("alert")).to_be_visible()
        expect_nothing_made(tab.page)
        dialog.get_by_role("button", name="Close").click()
        # The dialog is hidden a moment before the page leaves its address, which would undo the next one.
        expect(tab.page).to_have_url(re.compile("#/look$"))


def test_refusals_of_a_hostile_text_are_texts(tab: ConsoleTab) -> None:
    tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 400")
    tab.sign_in()
    page = tab.page
    page.get_by_label("Image to image").check()
    link = page.get_by_label("Link of the input picture")
    for text in TEXTS:
        link.fill(text)
        page.get_by_role("button", name="Make it").click()
        expect(link).to_have_attribute("aria-invalid", "true")
        expect_nothing_made(page)


def test_the_errors_of_tasks_that_quote_a_text_are_texts(tab: ConsoleTab, system: System) -> None:
    """A sampler of the sender's own is refused by a replica, whose message quotes it."""
    for number, text in enumerate(TEXTS[:3]):
        metadata = {"id": f"hostile-error-{number}", "runtime": "sdruntime", "tasktype": "text-to-image"}
        content = {"prompt": "A dog", "sampler_name": text, "steps": 1, "width": SIDE, "height": SIDE}
        response = system.http("POST", "/v1alpha2", json={"task": {"metadata": metadata, "content": content}})
        assert response.status_code == 200, response.text
        ended = system.eventually(
            lambda name=metadata["id"]: system.shown(name)["error"],  # type: ignore[misc]
            "the failure",
        )
        assert text in ended["message"]
    tab.sign_in()
    for number, text in enumerate(TEXTS[:3]):
        tab.open(f"#/look/hostile-error-{number}")
        expect(tab.page.get_by_role("dialog").get_by_text(text).first).to_be_visible()
        expect_nothing_made(tab.page)


def test_names_of_files_and_links_are_texts(tab: ConsoleTab) -> None:
    tab.sign_in()
    page = tab.page
    page.get_by_label("Image to image").check()
    for text in TEXTS[:3]:
        tab.choose_picture(text, plain_png(text, width=SIDE, height=SIDE))
        expect(page.get_by_role("img", name=f"Input picture {text}")).to_be_visible()
        expect_nothing_made(page)
    page.get_by_label("Link of the input picture").fill("javascript:alert(11)")
    expect_nothing_made(page)


def test_the_parameters_inside_a_picture_are_a_text(tab: ConsoleTab, system: System) -> None:
    tab.sign_in()
    page = tab.page
    page.get_by_label("Read parameters").check()
    text = "".join(TEXTS)
    tab.choose_picture("hostile.png", plain_png(text, width=SIDE, height=SIDE))
    card = tab.send()
    expect(card.get_by_text("Done")).to_be_visible()
    card.get_by_role("link", name=task_of(card)).click()
    expect(page.get_by_role("dialog").get_by_text(text)).to_be_visible()
    expect_nothing_made(page)
