"""Gallery of many tasks: it loads small pictures only, page after page, and its filters find one of them."""

import re
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, expect

from contract.record import Status
from contract.storage import output_run, thumbnail_key
from tests.e2e.browser.console_tab import DEADLINE_MS, ConsoleTab
from tests.e2e.browser.listed_tasks import ListedTasks, load_all, prompt_of, small_picture
from tests.harness.eventually import eventually
from tests.harness.local_system import System
from tests.harness.records import make_record

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system"), pytest.mark.timeout(600)]

#: Tasks in the table of the local system, and those of a page that lists very many.
STORED: Final = 240
LISTED: Final = 10_000
#: Tasks of a page of the gallery.
PAGE_TASKS: Final = 48


@pytest.fixture(scope="module")
def stored_tasks(idle_system: System) -> None:
    """Write finished tasks into the table, and their thumbnails."""
    with idle_system.table().batch_writer() as batch:
        for number in range(STORED):
            batch.put_item(Item=item_of(number))
    s3, bucket, small = idle_system.client("s3"), idle_system.endpoints["output_bucket"], small_picture()
    for number in range(STORED):
        key = thumbnail_key("output", f"archived-{number}", output_run("1a2b", 1), 1)
        s3.put_object(Bucket=bucket, Key=key, Body=small, ContentType="image/webp")


def item_of(number: int) -> dict[str, Any]:
    submitted_at_ms = 1_700_000_000_000 + number * 60_000
    return make_record(
        id=f"archived-{number}",
        tenant="default",
        status=Status.COMPLETED,
        submitted_at_ms=submitted_at_ms,
        started_at_ms=submitted_at_ms + 1_000,
        completed_at_ms=submitted_at_ms + 9_000,
        attempts=1,
        progress_permille=1000,
        prompt=prompt_of(number),
        picture_count=1,
        image_urls=(f"s3://outputs/output/archived-{number}.png",),
        thumbnails=(1,),
        key_name="default",
    ).to_item()


def record_pictures(tab: ConsoleTab) -> list[str]:
    """Return a list that will hold the address of each picture that the page loads."""
    loaded: list[str] = []
    tab.page.on("request", lambda request: loaded.append(request.url) if request.resource_type == "image" else None)
    return loaded


def refuse_next_page(tab: ConsoleTab) -> None:
    """Answer the next request for a further page as functions do while AWS does not answer them."""
    refusal = {"error": {"code": "unavailable", "message": "AWS did not answer in time.", "details": []}}
    tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 503")
    tab.page.route("**/v1alpha2/tasks?*next=*", lambda route: route.fulfill(status=503, json=refusal), times=1)


def read_on(tab: ConsoleTab, tiles: Locator, count: int) -> None:
    """Scroll to the last tile until there are this many. If a busy machine refuses a page, press the button."""
    tiles.last.scroll_into_view_if_needed()

    def has_followed() -> bool:
        if tab.page.get_by_role("alert").is_visible():
            tab.page.get_by_role("button", name="Load more").click()
        return tiles.count() >= count

    eventually(has_followed, f"{count} tiles", DEADLINE_MS / 1000)


def is_small(url: str) -> bool:
    return "-thumbnail.webp" in url or "icon.svg" in url


@pytest.mark.usefixtures("stored_tasks")
def test_pages_follow_as_the_reader_scrolls_and_load_small_pictures_only(idle_tab: ConsoleTab) -> None:
    loaded = record_pictures(idle_tab)
    idle_tab.sign_in()
    idle_tab.show("Look")
    tiles = idle_tab.page.get_by_role("list", name="Tasks, the newest first").get_by_role("listitem")
    expect(tiles.first.get_by_role("img", name=prompt_of(STORED - 1))).to_be_visible()
    refuse_next_page(idle_tab)
    for pages in (2, 3, 4):
        read_on(idle_tab, tiles, pages * PAGE_TASKS)
    assert 503 in [response.status for response in idle_tab.responses], "no page was refused"
    alternatives: list[str] = tiles.get_by_role("img").evaluate_all("images => images.map(({ alt }) => alt)")
    assert alternatives == [f"Picture: {prompt_of(STORED - 1 - place)}" for place in range(len(alternatives))]
    eventually(lambda: tiles.count() and len(loaded) > PAGE_TASKS / 2, "small pictures", DEADLINE_MS / 1000)
    assert [url for url in loaded if not is_small(url)] == []


@pytest.mark.usefixtures("stored_tasks")
def test_a_search_finds_the_oldest_task_of_all(idle_tab: ConsoleTab) -> None:
    idle_tab.sign_in()
    idle_tab.show("Look")
    idle_tab.page.get_by_label("Prompt or id").fill("ARCHIVED-0")
    tiles = idle_tab.page.get_by_role("list", name="Tasks, the newest first").get_by_role("listitem")
    expect(tiles).to_have_count(1)
    expect(tiles.get_by_role("img", name=prompt_of(0))).to_be_visible()


def test_ten_thousand_tasks_are_scrolled_to_and_opened(idle_tab: ConsoleTab, idle_system: System) -> None:
    page = idle_tab.page
    idle_tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 404")
    loaded = record_pictures(idle_tab)
    idle_tab.sign_in()
    ListedTasks(count=LISTED, picture_origin=idle_system.endpoints["aws_endpoint_url"]).serve(page)
    idle_tab.show("Look")
    load_all(page, LISTED, DEADLINE_MS)
    tiles = page.get_by_role("list", name="Tasks, the newest first").get_by_role("link")
    expect(tiles).to_have_count(LISTED)
    names: list[str] = page.locator(".gallery a").evaluate_all(
        "tiles => tiles.map(({ hash }) => hash.split('/').at(-1))"
    )
    assert names == [f"listed-{number}" for number in reversed(range(LISTED))]
    expect(tiles.last.get_by_role("img", name=prompt_of(0))).to_be_visible()
    assert 0 < len(loaded) < LISTED / 2, "a picture is loaded when it comes near the window"
    assert [url for url in loaded if not is_small(url)] == []
    tiles.last.click()
    expect(page.get_by_role("dialog", name="listed-0")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("#/look$"))
    expect(tiles).to_have_count(LISTED)


def test_tasks_that_came_while_the_page_was_hidden_leave_no_gap(idle_tab: ConsoleTab, idle_system: System) -> None:
    page = idle_tab.page
    idle_tab.sign_in()
    origin, count = idle_system.endpoints["aws_endpoint_url"], 5 * PAGE_TASKS
    ListedTasks(count=2 * PAGE_TASKS, picture_origin=origin, page_tasks=PAGE_TASKS).serve(page)
    idle_tab.show("Look")
    load_all(page, 2 * PAGE_TASKS, DEADLINE_MS)
    ListedTasks(count=count, picture_origin=origin, page_tasks=PAGE_TASKS).serve(page)
    expect(page.get_by_role("img", name=prompt_of(count - 1))).to_be_attached()
    load_all(page, count, DEADLINE_MS)
    names: list[str] = page.locator(".gallery img").evaluate_all("images => images.map(({ alt }) => alt)")
    assert names == [f"Picture: {prompt_of(number)}" for number in reversed(range(count))]
