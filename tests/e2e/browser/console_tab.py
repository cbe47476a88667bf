"""Tab of a browser at the console, as a person uses it, with a record of what no page may do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, ConsoleMessage, FilePayload, Locator, Page, Request, Response, expect

from tests.harness.eventually import eventually

#: Milliseconds that a test waits for what must come. A loaded machine needs most of it, and no test measures it.
DEADLINE_MS: Final = 60_000
#: Size of a window on a desk and of a phone, in pixels.
DESKTOP: Final = (1280, 900)
PHONE: Final = (360, 740)
#: Pixels of a side of the pictures.
SIDE: Final = 64
#: Schemes of addresses that a page may load.
_INNER_SCHEMES: Final = ("data", "blob")
#: Collects each violation of the page's policy, and each script that a hostile text would run.
_WATCH: Final = """
window.__violations = [];
window.addEventListener("securitypolicyviolation", (event) =>
  window.__violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
window.alert = window.confirm = window.prompt = (text) => { window.__violations.push(`dialog ${text}`); };
"""


@dataclass
class ConsoleTab:
    """A page of the console. `faults` are the things that fail each test at its end."""

    page: Page
    address: str
    key: str
    faults: list[str] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    #: Beginnings of the browser's own complaints that a test provokes.
    expected_errors: list[str] = field(default_factory=list)

    def open(self, fragment: str = "") -> None:
        """Open the console at one of its screens."""
        self.page.goto(f"{self.address}/console/{fragment}")

    def sign_in(self, key: str = "") -> None:
        """Open the console and enter a key."""
        self.open()
        self.page.get_by_label("API key").fill(key or self.key)
        self.page.get_by_role("button", name="Sign in").click()

    def show(self, screen: Literal["Create", "Watch", "Look", "Fleet"]) -> None:
        """Go to a screen by the navigation."""
        self.page.get_by_role("navigation").get_by_role("link", name=screen).click()
        expect(self.page.get_by_role("heading", level=1, name=screen)).to_be_visible()

    def choose_picture(self, name: str, png: bytes) -> None:
        """Choose a PNG file as the input picture, and wait until it is uploaded."""
        file = FilePayload(name=name, mimeType="image/png", buffer=png)
        self.page.get_by_label("Choose a file").set_input_files(file)
        # The painter of a mask shows the picture itself, so only the name is in the field of every kind.
        field = self.page.get_by_role("group", name="Input picture", exact=True)
        expect(field.get_by_text(name, exact=True)).to_be_visible()

    def make(self, prompt: str, *, side: int = SIDE, steps: int = 1) -> Locator:
        """Send the form of a picture, and return the card of its task."""
        form = self.page.get_by_role("main")
        form.get_by_label("Prompt", exact=True).fill(prompt)
        for name, value in {"Width": side, "Height": side, "Steps": steps}.items():
            form.get_by_label(name).fill(str(value))
        return self.send()

    def send(self) -> Locator:
        """Send the form as it is, and return the card of its task."""
        cards = self.page.get_by_role("region", name="Sent from here").get_by_role("article")
        before = cards.count()
        self.page.get_by_role("button", name="Make it").click()
        expect(cards).to_have_count(before + 1)
        return cards.first

    def check(self) -> None:
        """Fail at what the page did and must not do."""
        violations: list[str] = self.page.evaluate("() => window.__violations ?? []")
        found = [*self.faults, *violations]
        expected = tuple(self.expected_errors)
        unexpected = [fault for fault in found if not (expected and fault.startswith(expected))]
        assert not unexpected, "\n".join(unexpected)

    def record_request(self, request: Request) -> None:
        """Record a request to another host, or with the key in its address."""
        parts = urlsplit(request.url)
        if parts.scheme not in _INNER_SCHEMES and parts.hostname != urlsplit(self.address).hostname:
            self.faults.append(f"request to another host: {request.url}")
        if self.key in unquote(request.url):
            self.faults.append(f"key in an address: {request.url}")

    def record_response(self, response: Response) -> None:
        """Record a response."""
        self.responses.append(response)

    def record_message(self, message: ConsoleMessage) -> None:
        """Record what the browser or the page complains about."""
        if message.type in {"error", "warning"}:
            self.faults.append(f"{message.type}: {message.text}")


@contextmanager
def open_tab(
    browser: Browser,
    address: str,
    *,
    key: str,
    size: tuple[int, int] = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    storage: Mapping[str, str] = {},
    has_touch: bool = False,
) -> Iterator[ConsoleTab]:
    """Open a tab in a separate context, and check at the end what it did."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        has_touch=has_touch,
        is_mobile=has_touch,
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
    )
    context.set_default_timeout(DEADLINE_MS)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    expect.set_options(timeout=DEADLINE_MS)
    context.add_init_script(_WATCH)
    page = context.new_page()
    tab = ConsoleTab(page, address.rstrip("/"), key)
    page.on("request", tab.record_request)
    page.on("response", tab.record_response)
    page.on("console", tab.record_message)
    page.on("pageerror", lambda error: tab.faults.append(f"uncaught: {error.message}"))
    try:
        yield tab
        tab.check()
    finally:
        context.close()


def task_of(card: Locator) -> str:
    """Return the id of the task of a card."""
    name = card.get_attribute("aria-label")
    assert name
    return name.removeprefix("Task ")


def expect_picture(image: Locator) -> None:
    """Wait until an image shows a picture. An image whose address fails has no width."""
    eventually(
        lambda: image.evaluate("image => image.complete && image.naturalWidth > 0"), "the picture", DEADLINE_MS / 1000
    )
