"""Look in a browser: the filters of the gallery, one task large, and what can be made of its picture."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser.console_tab import SIDE, ConsoleTab, expect_picture, open_tab, task_of
from tests.harness.local_system import System

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system"), pytest.mark.timeout(600)]

PROMPT: Final = "a lighthouse above a violet sea"


def content_of(seed: int, **more: Any) -> dict[str, Any]:
    return {"prompt": PROMPT, "steps": 1, "width": SIDE, "height": SIDE, "seed": seed, **more}


@pytest.fixture(scope="module")
def looked_at(system: System) -> dict[str, str]:
    """Make a picture and a failure of one key, and a picture of another key."""
    made = {
        "look-done": (content_of(7), system.endpoints["api_key"]),
        "look-failed": (content_of(8, sampler_name="No Such Sampler"), system.endpoints["api_key"]),
        "look-guest": (content_of(9), system.api_key("guest")),
    }
    statuses = {}
    for task_id, (content, key) in made.items():
        metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image"}
        task = {"task": {"metadata": metadata, "content": content}}
        assert system.http("POST", "/v1alpha2", json=task, key=key).status_code == 200

        def ended(task_id: str = task_id, key: str = key) -> str | None:
            shown = system.http("GET", f"/v1alpha2/tasks/{task_id}", key=key).json()
            return str(shown["status"]) if shown["completed_at"] else None

        statuses[task_id] = system.eventually(ended, f"the end of {task_id}", 120)
    return statuses


@pytest.fixture
def boss_tab(browser: Browser, system: System) -> Iterator[ConsoleTab]:
    """Open a tab with the key of an administrator, who sees the tasks of all keys."""
    with open_tab(browser, system.endpoints["http_url"], key=system.api_key("boss")) as opened:
        yield opened


def expect_tiles(page: Page, *ids: str) -> None:
    """Wait until the gallery shows these tasks alone, in this order."""
    tiles = page.get_by_role("list", name="Tasks, the newest first").get_by_role("link")
    expect(tiles).to_have_count(len(ids))
    for place, task_id in enumerate(ids):
        expect(tiles.nth(place)).to_have_attribute("href", re.compile(rf"{re.escape(quote(task_id, safe=''))}(\?|$)"))


def test_filters_find_a_task_by_prompt_state_key_and_runtime(boss_tab: ConsoleTab, looked_at: dict[str, str]) -> None:
    assert looked_at == {"look-done": "COMPLETED", "look-failed": "FAILED", "look-guest": "COMPLETED"}
    page = boss_tab.page
    boss_tab.sign_in()
    boss_tab.show("Look")
    page.get_by_label("Prompt or id").fill("VIOLET sea")
    expect_tiles(page, "guest:look-guest", "look-done")
    page.get_by_label("State").select_option(label="Failed")
    expect_tiles(page, "look-failed")
    page.get_by_label("State").select_option(label="All states")
    expect_tiles(page, "guest:look-guest", "look-failed", "look-done")
    page.get_by_label("Key").fill("guest")
    expect_tiles(page, "guest:look-guest")
    page.get_by_label("Runtime").select_option(label="dynamic")
    expect(page.get_by_text("No task matches these filters.")).to_be_visible()
    page.get_by_role("link", name="Show all pictures").click()
    expect(page.get_by_label("Prompt or id")).to_have_value("")


def test_a_choice_within_the_pause_of_a_text_stays(tab: ConsoleTab) -> None:
    page = tab.page
    tab.sign_in()
    tab.show("Look")
    page.clock.install()
    page.get_by_label("Prompt or id").fill("violet")
    page.get_by_label("State").select_option(label="Failed")
    page.clock.run_for(1000)
    expect(page).to_have_url(re.compile(r"\?text=violet&status=FAILED$"))
    expect(page.get_by_label("State")).to_have_value("FAILED")


def test_a_key_never_sees_the_task_of_another(tab: ConsoleTab, looked_at: dict[str, str]) -> None:
    assert looked_at["look-guest"] == "COMPLETED"
    tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 40")
    tab.sign_in()
    tab.show("Look")
    tab.page.get_by_label("Prompt or id").fill("violet sea")
    expect_tiles(tab.page, "look-done")
    for task_id in ("look-guest", "guest:look-guest"):
        tab.open(f"#/look/{quote(task_id, safe='')}")
        dialog = tab.page.get_by_role("dialog", name=task_id)
        expect(dialog.get_by_role("alert")).to_be_visible()
        expect(dialog.get_by_text("violet")).to_have_count(0)


def test_a_failed_task_says_what_to_do(tab: ConsoleTab, looked_at: dict[str, str]) -> None:
    assert looked_at["look-failed"] == "FAILED"
    tab.sign_in()
    tab.open("#/look/look-failed")
    dialog = tab.page.get_by_role("dialog", name="look-failed")
    expect(dialog.get_by_text("unknown_sampler")).to_be_visible()
    expect(dialog.get_by_text("No Such Sampler").first).to_be_visible()
    expect(dialog.get_by_text("Use a name that the message lists.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Retry task look-failed")).to_be_visible()


def test_a_picture_is_stored_and_its_links_are_copied(
    tab: ConsoleTab, system: System, looked_at: dict[str, str], tmp_path: Path
) -> None:
    assert looked_at["look-done"] == "COMPLETED"
    tab.sign_in()
    tab.open("#/look/look-done")
    page, dialog = tab.page, tab.page.get_by_role("dialog", name="look-done")
    expect_picture(dialog.get_by_role("img", name=PROMPT))
    (output, *_) = system.shown("look-done")["outputs"]
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Download").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == output["s3_url"].rpartition("/")[2]
    assert file.read_bytes() == system.object(output["s3_url"])
    dialog.get_by_role("button", name="Copy s3:// link").click()
    expect(dialog.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == output["s3_url"]
    dialog.get_by_role("button", name="Copy link").click()
    system.eventually(
        lambda: page.evaluate("() => navigator.clipboard.readText()").startswith("http"), "the copied link", 60
    )
    copied = httpx.get(page.evaluate("() => navigator.clipboard.readText()"), timeout=60)
    assert copied.content == file.read_bytes()
    for fact in ("Seed7", f"Folder{system.shown('look-done')['output_location']}"):
        expect(dialog.locator(".facts")).to_contain_text(fact)


def test_a_picture_becomes_an_input_and_is_made_again_with_another_seed(
    tab: ConsoleTab, system: System, looked_at: dict[str, str]
) -> None:
    assert looked_at["look-done"] == "COMPLETED"
    page = tab.page
    tab.sign_in()
    tab.open("#/look/look-done")
    page.get_by_role("button", name="Again with another seed").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(PROMPT)
    expect(page.get_by_label("Steps")).to_have_value("1")
    expect(page.get_by_label("Seed")).not_to_have_value(re.compile("^(7|-1)$"))
    tab.open("#/look/look-done")
    page.get_by_role("button", name="Use as input").click()
    expect(page.get_by_label("Image to image")).to_be_checked()
    expect_picture(page.get_by_role("img", name="Input picture"))
    card = tab.send()
    expect(card.get_by_text("Done")).to_be_visible()
    request = system.http("GET", f"/v1alpha2/tasks/{task_of(card)}/request").json()["task"]
    (link,) = request["content"]["init_images"]
    assert link == system.shown("look-done")["outputs"][0]["s3_url"]
    assert Image.open(io.BytesIO(system.object(link))).size == (SIDE, SIDE)


def test_a_dialog_that_closes_keeps_an_address_of_the_same_moment(tab: ConsoleTab, looked_at: dict[str, str]) -> None:
    assert set(looked_at) >= {"look-done", "look-failed"}
    tab.sign_in()
    tab.open("#/look/look-done")
    page = tab.page
    expect(page.get_by_role("dialog", name="look-done")).to_be_visible()
    page.evaluate("() => { document.querySelector('dialog').close(); location.hash = '#/look/look-failed'; }")
    expect(page.get_by_role("dialog", name="look-failed")).to_be_visible()
    expect(page).to_have_url(re.compile("#/look/look-failed$"))
