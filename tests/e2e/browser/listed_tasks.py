"""A listing of very many finished tasks, which a browser's test answers instead of the API.

The DynamoDB of the local system copies a whole index for each query, so with 10,000 tasks a page takes seconds. An
answer holds more tasks than were asked for, because a browser without a GPU draws each page for a second.
"""

import io
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from PIL import Image
from playwright.sync_api import Page, Route

#: Tasks of an answer.
PAGE_TASKS: Final = 2_500
#: Where the thumbnails are, below the address of S3, which the page's policy allows.
FOLDER: Final = "listed-tasks"
MOMENT: Final = "2026-11-29T12:00:00.000Z"


class ListedTasks:
    """Answers the listings of a page with tasks from a number down to 0, and the requests for their pictures."""

    def __init__(self, *, count: int, picture_origin: str, page_tasks: int = PAGE_TASKS) -> None:
        self._page_tasks = page_tasks
        self._count = count
        self._picture_origin = picture_origin
        self._thumbnail = small_picture()

    def serve(self, page: Page) -> None:
        """Answer the page's requests from now on."""
        page.route("**/v1alpha2/tasks?**", self._fulfill_listing)
        page.route(f"{self._picture_origin}/{FOLDER}/**", self._fulfill_picture)

    def _fulfill_picture(self, route: Route) -> None:
        route.fulfill(body=self._thumbnail, content_type="image/webp")

    def _fulfill_listing(self, route: Route) -> None:
        query = parse_qs(urlsplit(route.request.url).query)
        first = int(query.get("next", ["0"])[0])
        end = min(first + self._page_tasks, self._count)
        tasks = [self._listed(self._count - 1 - place) for place in range(first, end)]
        route.fulfill(json={"tasks": tasks, "next": str(end) if end < self._count else None})

    def _listed(self, number: int) -> Mapping[str, object]:
        return {
            "id": f"listed-{number}",
            "runtime": "sdruntime",
            "tasktype": "text-to-image",
            "status": "COMPLETED",
            "progress": 1.0,
            "submitted_at": MOMENT,
            "started_at": MOMENT,
            "completed_at": MOMENT,
            "delay_ms": 0,
            "execution_ms": 1000,
            "key": "default",
            "prompt": prompt_of(number),
            "picture_count": 1,
            "thumbnail": f"{self._picture_origin}/{FOLDER}/{number}-thumbnail.webp",
            "error_code": None,
        }


def prompt_of(number: int) -> str:
    """Return the prompt of a task."""
    return f"picture {number} of a red circle"


def small_picture() -> bytes:
    """Return a thumbnail."""
    content = io.BytesIO()
    Image.effect_mandelbrot((256, 256), (-2, -1.5, 1, 1.5), 50).convert("RGB").save(content, "WEBP")
    return content.getvalue()


def load_all(page: Page, count: int, timeout_ms: float) -> None:
    """Scroll to the end of the gallery until it has this number of tiles."""
    tiles = page.locator(".gallery li")
    tiles.first.wait_for()
    while (present := tiles.count()) < count:
        page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_function(
            "count => document.querySelectorAll('.gallery li').length > count", arg=present, timeout=timeout_ms
        )
