"""First useful paint of the console in Chromium without a cache, and the pace of its gallery with 10,000 pictures."""

import argparse
import gzip
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Response, sync_playwright

from benchmarks.command_line import Target, benchmark_parser, exit_on_sigterm, print_json, target_lines
from benchmarks.local_system import local_system
from tests.e2e.browser.chromium import started_chromium
from tests.e2e.browser.listed_tasks import ListedTasks, load_all

MAX_PAINT_MS: Final = 1_000
MAX_BYTES: Final = 150_000
PICTURES: Final = 10_000
#: Milliseconds in which a page of the gallery is loaded on a slow machine.
PATIENCE_MS: Final = 60_000
#: Records the moment of the frame that shows the field of the key.
_RECORD_PAINT: Final = """
const look = () => requestAnimationFrame(() => document.getElementById("key") ? record() : look());
const record = () => requestAnimationFrame(() => { window.paintedAt = performance.now(); });
look();
"""
#: Scrolls to the top in 100 steps, and returns the milliseconds of each frame.
_SCROLL: Final = """async () => {
  const frames = [];
  const step = document.documentElement.scrollHeight / 100;
  let last = await new Promise(requestAnimationFrame);
  while (scrollY > 0) {
    scrollBy(0, -step);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""


def measure_paint(browser: Browser, url: str) -> tuple[float, int]:
    """Return the milliseconds until the console can be used, and the compressed bytes that it loaded."""
    context = browser.new_context()
    context.add_init_script(_RECORD_PAINT)
    page = context.new_page()
    responses: list[Response] = []
    page.on("response", lambda response: responses.extend([response]))
    page.goto(url)
    page.wait_for_function("() => window.paintedAt")
    painted_ms = float(page.evaluate("() => window.paintedAt"))
    page.wait_for_load_state("networkidle")
    size = sum(len(gzip.compress(response.body())) for response in responses)
    context.close()
    return painted_ms, size


def measure_gallery(browser: Browser, url: str, *, key: str, picture_origin: str) -> tuple[int, list[float]]:
    """Return the number of tiles after all were scrolled to, and the milliseconds of the frames of the way back."""
    page = browser.new_page()
    ListedTasks(count=PICTURES, picture_origin=picture_origin).serve(page)
    page.goto(url)
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Look").click()
    load_all(page, PICTURES, PATIENCE_MS)
    frames: list[float] = page.evaluate(_SCROLL)
    return page.locator(".gallery li").count(), frames


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--repeats", type=int, default=7, metavar="N", help="cold visits, of which the median counts")
    return parser.parse_args()


def main() -> int:
    """Print the figures; exit code 1 if a target is missed."""
    exit_on_sigterm()
    options = parse_options()
    with (
        tempfile.TemporaryDirectory() as folder,
        local_system(Path(folder), visibility_timeout_seconds=60) as system,
        sync_playwright() as playwright,
        started_chromium(playwright) as browser,
    ):
        url = str(system.endpoints["console_url"])
        visits = [measure_paint(browser, url) for _ in range(options.repeats)]
        count, frames = measure_gallery(
            browser, url, key=system.endpoints["api_key"], picture_origin=system.endpoints["aws_endpoint_url"]
        )
    paint_ms = statistics.median(painted for painted, _ in visits)
    size = max(size for _, size in visits)
    frame_ms = statistics.quantiles(frames, n=20)[-1]
    figures = {
        "first_useful_paint_ms": paint_ms,
        "slowest_paint_ms": max(painted for painted, _ in visits),
        "compressed_bytes": size,
        "gallery_tiles": count,
        "frame_p95_ms": frame_ms,
        "slowest_frame_ms": max(frames),
    }
    for name, value in figures.items():
        print(f"{value:10,.0f} {name}")
    targets = (
        Target(f"first useful paint within {MAX_PAINT_MS} ms", paint_ms <= MAX_PAINT_MS),
        Target(f"at most {MAX_BYTES:,} compressed bytes", size <= MAX_BYTES),
    )
    print(target_lines(targets))
    print_json(options, figures)
    return int(not all(target.is_reached for target in targets))


if __name__ == "__main__":
    sys.exit(main())
