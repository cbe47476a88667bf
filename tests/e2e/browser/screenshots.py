"""Pictures of the console for the documents: `make screenshots` draws them from a local system with the tiny model."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.conventions.language import PROJECT
from tests.e2e.browser.chromium import started_chromium
from tests.e2e.browser.console_tab import ConsoleTab, expect_picture, open_tab
from tests.harness.local_system import System, running_system

FOLDER: Final = PROJECT / "docs" / "img"
#: Size of the window in pixels: an easy text size in a document.
SIZE: Final = (1120, 760)
#: Colours of a stored picture. Flat areas of few colours keep a file below 100 KB.
COLOURS: Final = 128
PROMPT: Final = "a red circle on a blue background"
#: Prompts of the gallery, in words that the tiny model knows.
PROMPTS: Final = (
    "a yellow star on a purple background",
    "a small orange fish in the ocean",
    "a green tree right of a house",
    "a purple heart on a white background",
    "a dog wearing a wizard hat",
    "a sun above a boat",
    "a blue ring on a yellow background",
    "a flower on a green background",
    PROMPT,
)

#: Prompts of the tasks behind a running one.
NEXT_PROMPTS: Final = ("a white cat right of a red heart", "a red star below a boat")


def main() -> None:
    """Start the system, make some pictures, and store a picture of each screen."""
    with tempfile.TemporaryDirectory() as folder, running_system(Path(folder)) as system:
        make_pictures(system)
        with drawn_tab(system) as tab:
            draw_screens(tab)


@contextmanager
def drawn_tab(system: System) -> Iterator[ConsoleTab]:
    """Open a tab with an administrator's key, who sees every screen."""
    url, key = system.endpoints["http_url"], system.api_key("boss")
    with (
        sync_playwright() as playwright,
        started_chromium(playwright) as browser,
        open_tab(browser, url, key=key, size=SIZE) as tab,
    ):
        yield tab


def make_pictures(system: System) -> None:
    """Make the pictures of the gallery."""
    for number, prompt in enumerate(PROMPTS):
        send(system, f"picture-{number}", {"prompt": prompt, "steps": 20, "width": 256, "height": 256, "seed": number})
    for number in range(len(PROMPTS)):
        task_id = f"picture-{number}"
        system.eventually(lambda name=task_id: read(system, name)["completed_at"], task_id, 600)  # type: ignore[misc]


def send(system: System, task_id: str, content: dict[str, Any]) -> None:
    """Send a task with the administrator's key."""
    metadata = {"id": task_id, "runtime": "sdruntime", "tasktype": "text-to-image"}
    task = {"task": {"metadata": metadata, "content": content}}
    system.http("POST", "/v1alpha2", json=task, key=system.api_key("boss")).raise_for_status()


def read(system: System, task_id: str) -> dict[str, Any]:
    """Return a task as the administrator sees it."""
    shown: dict[str, Any] = system.http("GET", f"/v1alpha2/tasks/{task_id}", key=system.api_key("boss")).json()
    return shown


def draw_screens(tab: ConsoleTab) -> None:
    """Store a picture of each screen."""
    page = tab.page
    tab.sign_in()
    card = tab.make(PROMPT, side=256, steps=20)
    expect_picture(card.get_by_role("img", name=PROMPT))
    expect(card.get_by_text("Done")).to_be_visible(timeout=600_000)
    page.evaluate("window.scrollTo(0, 0)")
    store(page, "create")
    # So many steps that it still runs when it is shown.
    tab.make("a green square on an orange background", side=768, steps=150)
    for prompt in NEXT_PROMPTS:
        tab.make(prompt, side=512, steps=20)
    tab.show("Watch")
    expect(page.get_by_role("region", name="Running").get_by_text("step").first).to_be_visible(timeout=600_000)
    store(page, "watch")
    tab.show("Look")
    tiles = page.get_by_role("list", name="Tasks, the newest first").get_by_role("link")
    for number in range(len(PROMPTS)):
        expect_picture(tiles.nth(number).get_by_role("img"))
    store(page, "look")
    tiles.filter(has=page.get_by_role("img", name=PROMPTS[0])).click()
    opened = page.get_by_role("dialog")
    expect_picture(opened.get_by_role("img", name=PROMPTS[0]))
    # The parameters come after the picture.
    expect(opened.get_by_text("Seed", exact=True)).to_be_visible()
    store(page, "task")
    page.keyboard.press("Escape")
    tab.show("Fleet")
    expect(page.get_by_role("heading", name="sdruntime")).to_be_visible()
    store(page, "fleet")


def store(page: Page, name: str) -> None:
    """Store the window with few colours."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    reduced = picture.convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    reduced.save(FOLDER / f"console-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
