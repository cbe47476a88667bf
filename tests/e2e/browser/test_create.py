"""Create in a browser: a click ends as a picture on the screen, and the API's refusals are shown at their fields."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image
from playwright.sync_api import Browser, Route, expect

from local.demo.pictures import input_picture
from tests.conventions.language import PROJECT
from tests.e2e.browser.console_tab import (
    DEADLINE_MS,
    DESKTOP,
    PHONE,
    SIDE,
    ConsoleTab,
    expect_picture,
    open_tab,
    task_of,
)
from tests.harness.eventually import eventually
from tests.harness.local_system import System

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system")]

PROMPT: Final = "a red circle on a blue background"


def content_of(system: System, task_id: str) -> dict[str, Any]:
    content: dict[str, Any] = system.http("GET", f"/v1alpha2/tasks/{task_id}/request").json()["task"]["content"]
    return content


def test_a_click_ends_as_a_picture_on_the_screen_and_in_the_gallery(tab: ConsoleTab, system: System) -> None:
    tab.sign_in()
    card = tab.make(PROMPT)
    expect_picture(card.get_by_role("img", name=PROMPT))
    expect(card.get_by_text("Done")).to_be_visible()
    task = system.shown(task_of(card))
    assert task["status"] == "COMPLETED"
    picture = Image.open(io.BytesIO(system.object(task["outputs"][0]["s3_url"])))
    assert picture.text["parameters"].startswith(PROMPT)  # type: ignore[attr-defined]  # PNG files have it
    tab.show("Look")
    tab.page.get_by_label("Prompt or id").fill(task["id"])
    tiles = tab.page.get_by_role("list", name="Tasks, the newest first").get_by_role("link")
    expect(tiles).to_have_count(1)
    tiles.click()
    large = tab.page.get_by_role("dialog", name=task["id"])
    expect_picture(large.get_by_role("img", name=PROMPT))


def test_a_picture_and_a_mask_painted_on_it_are_uploaded(tab: ConsoleTab, system: System) -> None:
    tab.sign_in()
    page = tab.page
    page.get_by_label("Inpaint").check()
    cat = input_picture()
    tab.choose_picture("cat.png", cat)
    canvas = page.get_by_role("img", name="Mask with 0 strokes")
    canvas.hover()
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_role("img", name="Mask with 1 strokes")).to_be_visible()
    card = tab.make(PROMPT)
    expect_picture(card.get_by_role("img", name=PROMPT))
    content = content_of(system, task_of(card))
    assert system.object(content["init_images"][0]) == cat
    mask = Image.open(io.BytesIO(system.object(content["mask"]))).convert("L")
    width, height = mask.size
    assert (mask.getpixel((width // 2, height // 2)), mask.getpixel((0, 0))) == (255, 0)


WORKFLOW: Final[dict[str, Any]] = {
    "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 64, "batch_size": 1, "color": 255}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "blue"}},
}


def test_a_pasted_workflow_becomes_fields_and_then_a_picture(tab: ConsoleTab, system: System) -> None:
    tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 400")
    tab.sign_in()
    page = tab.page
    page.get_by_role("radio", name="Workflow").check()
    source = page.get_by_role("textbox", name="Workflow")
    source.fill('{"nodes": [], "links": []}')
    expect(source).to_have_accessible_description(re.compile("Export .* Workflow > Export"))
    source.fill(json.dumps(WORKFLOW))
    width = page.get_by_label("width")
    width.fill("99999")
    page.get_by_role("button", name="Make it").click()
    expect(width).to_have_accessible_description(re.compile("99999"))
    width.fill("32")
    card = tab.send()
    expect_picture(card.get_by_role("img").first)
    task_id = task_of(card)
    assert content_of(system, task_id)["1"]["inputs"] == WORKFLOW["1"]["inputs"] | {"width": 32}
    picture = Image.open(io.BytesIO(system.object(system.shown(task_id)["outputs"][0]["s3_url"])))
    assert picture.size == (32, 64)


def test_a_form_waits_for_the_runtimes(tab: ConsoleTab) -> None:
    page = tab.page
    held: list[Route] = []
    posted: list[str] = []
    page.route("**/v1alpha2/runtimes", lambda route: held.extend([route]))
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    tab.sign_in()
    send = page.get_by_role("button", name="Make it")
    prompt = page.get_by_label("Prompt", exact=True)

    def asked() -> bool:
        prompt.press("Control+Enter")
        return bool(held)

    eventually(asked, "the request for the runtimes", DEADLINE_MS / 1000)
    expect(send).to_be_disabled()
    expect(page.get_by_text("The runtimes are loading.")).to_be_visible()
    for route in held:
        route.continue_()
    expect(send).to_be_enabled()
    assert posted == []


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def sized_tab(request: pytest.FixtureRequest, browser: Browser, system: System) -> Iterator[ConsoleTab]:
    """Open a tab of each size of a window."""
    url, key = system.endpoints["http_url"], system.endpoints["api_key"]
    with open_tab(browser, url, key=key, size=request.param) as opened:
        yield opened


def test_the_form_stays_in_its_place_when_runtimes_and_names_arrive(sized_tab: ConsoleTab) -> None:
    page = sized_tab.page
    sized_tab.expected_errors.append("error: Failed to load resource")
    runtimes: list[Route] = []
    names: list[Route] = []
    page.route("**/v1alpha2/runtimes", lambda route: runtimes.extend([route]))
    page.route("**/v1alpha2/runtimes/sdruntime", lambda route: names.extend([route]))
    sized_tab.sign_in()
    send = page.get_by_role("button", name="Make it")
    controls = [send, page.get_by_label("Prompt", exact=True), page.get_by_role("radio", name="Upscale")]
    expect(send).to_be_visible()

    def boxes() -> list[Any]:
        return [control.bounding_box() for control in controls]

    before = boxes()
    eventually(lambda: page.title() and runtimes, "the request for the runtimes", DEADLINE_MS / 1000)
    runtimes.pop().abort()
    expect(page.get_by_text("The API does not answer.")).to_be_visible()
    assert boxes()[1:] == before[1:], "the notice moved the form"
    # A click would scroll to the button, although it is in view.
    page.get_by_role("button", name="Try again").dispatch_event("click")
    eventually(lambda: page.title() and runtimes, "the request for the runtimes", DEADLINE_MS / 1000)
    runtimes.pop().continue_()
    expect(send).to_be_enabled()
    assert boxes()[1:] == before[1:], "the runtimes moved the form"
    lora = page.get_by_role("combobox", name="LoRA")
    expect(lora).to_be_disabled()
    before = boxes()
    eventually(lambda: page.title() and names, "the request for the names", DEADLINE_MS / 1000)
    names.pop().continue_()
    expect(lora).to_be_enabled()
    assert boxes() == before, "the names moved the form"


def test_a_refusal_is_shown_at_its_field(tab: ConsoleTab) -> None:
    tab.expected_errors.append("error: Failed to load resource: the server responded with a status of 400")
    tab.sign_in()
    tab.page.get_by_label("Steps").fill("9999")
    tab.page.get_by_role("button", name="Make it").click()
    steps = tab.page.get_by_label("Steps")
    expect(steps).to_have_attribute("aria-invalid", "true")
    expect(steps).to_have_accessible_description(re.compile("9999.* accepts 1 to "))
    expect(steps).to_be_focused()


def test_the_shown_curl_command_makes_the_same_task(tab: ConsoleTab, system: System) -> None:
    tab.sign_in()
    page = tab.page
    page.get_by_label("Prompt", exact=True).fill('it\'s "quoted" $HOME `id`')
    page.get_by_label("Width").fill(str(SIDE))
    page.get_by_label("Height").fill(str(SIDE))
    page.get_by_text("More settings").click()
    page.get_by_label("Id", exact=True).fill("by-curl")
    page.locator("summary", has_text="Show as").click()
    shown = json.loads(page.get_by_label("JSON").last.inner_text())
    page.get_by_label("curl").check()
    command = page.get_by_label("curl").last.inner_text()
    environment = {"PATH": "/usr/bin:/bin", "API_KEY": tab.key}
    answer = subprocess.run(["/bin/bash", "-c", command], env=environment, capture_output=True, check=True)
    assert json.loads(answer.stdout)["id_task"] == "by-curl"
    assert content_of(system, "by-curl") == shown["task"]["content"]


def test_the_shown_python_program_makes_the_same_task(tab: ConsoleTab, system: System, tmp_path: Path) -> None:
    tab.sign_in()
    page = tab.page
    page.get_by_label("Prompt", exact=True).fill('it\'s "quoted" {braces} \\ and ☃')
    page.get_by_label("Width").fill(str(SIDE))
    page.get_by_label("Height").fill(str(SIDE))
    page.get_by_label("Steps").fill("1")
    page.get_by_text("More settings").click()
    page.get_by_label("Id", exact=True).fill("by-python")
    page.locator("summary", has_text="Show as").click()
    shown = json.loads(page.get_by_label("JSON").last.inner_text())
    page.get_by_label("Python").check()
    program = page.get_by_label("Python").last.inner_text()
    environment = {"PATH": "/usr/bin:/bin", "API_KEY": tab.key, "PYTHONPATH": str(PROJECT)}
    subprocess.run([sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, check=True)
    assert content_of(system, "by-python") == shown["task"]["content"]
    assert list((tmp_path / "out").rglob("*.png"))


def test_names_are_those_of_the_runtime_and_a_lora_is_written_into_the_prompt(tab: ConsoleTab, system: System) -> None:
    assert system.http("GET", "/runtimes/sdruntime/sdapi/v1/samplers").status_code == 200
    tab.sign_in()
    page = tab.page
    options = system.http("GET", "/v1alpha2/runtimes/sdruntime").json()
    page.get_by_label("Sampler", exact=True).select_option(label=options["samplers"][0])
    page.get_by_label("Prompt", exact=True).fill("a dog")
    page.get_by_role("combobox", name="LoRA").select_option(label=options["loras"][0])
    page.get_by_label("Weight").fill("0.5")
    page.get_by_role("button", name="Add to the prompt").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(f"a dog <lora:{options['loras'][0]}:0.5>")
    page.get_by_label("Runtime").select_option(label="dynamic")
    (checkpoint, *_) = system.http("GET", "/v1alpha2/runtimes/dynamic").json()["checkpoints"]
    page.get_by_label("Model", exact=True).select_option(label=checkpoint)
    card = tab.make("a dog")
    expect(card.get_by_text("dynamic")).to_be_visible()
    content = content_of(system, task_of(card))
    assert content["alwayson_scripts"]["sd_model_checkpoint"] == checkpoint
    expect(card.get_by_text("Done")).to_be_visible()


#: Gives the page a file as a drop or a paste does.
DELIVER: Final = """([selector, type, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], `${type}.png`, { type: "image/png" }));
  const init = { bubbles: true, cancelable: true };
  const event = type === "paste"
    ? new ClipboardEvent(type, { ...init, clipboardData: data })
    : new DragEvent(type, { ...init, dataTransfer: data });
  document.querySelector(selector).dispatchEvent(event);
}"""


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_an_input_picture_is_dropped_or_pasted(tab: ConsoleTab, system: System, way: str) -> None:
    tab.sign_in()
    page = tab.page
    page.get_by_label("Image to image").check()
    cat = input_picture()
    page.evaluate(DELIVER, [".drop" if way == "drop" else "body", way, list(cat)])
    expect_picture(page.get_by_role("img", name="Input picture"))
    link = page.get_by_label("Link of the input picture").input_value()
    assert system.object(link) == cat
    page.get_by_role("button", name="Remove the picture").click()
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("Choose an input picture, or give its link.")).to_be_visible()


@pytest.mark.parametrize(
    ("types", "reason"),
    [((), "This environment has no runtime"), (("comfyui",), "No runtime of this environment makes this kind")],
)
def test_a_button_that_waits_for_a_runtime_says_so(
    browser: Browser, system: System, types: Sequence[str], reason: str
) -> None:
    runtimes = [{"name": name, "type": name, "dynamic_model": False} for name in types]
    url, key = system.endpoints["http_url"], system.endpoints["api_key"]
    with open_tab(browser, url, key=key, size=PHONE, has_touch=True) as tab:
        page = tab.page
        page.route("**/v1alpha2/runtimes", lambda route: route.fulfill(json={"runtimes": runtimes}))
        tab.sign_in()
        expect(page.get_by_role("button", name="Make it")).to_be_disabled()
        expect(page.get_by_text(reason)).to_be_visible()
