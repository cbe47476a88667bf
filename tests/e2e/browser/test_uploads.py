"""Uploads of the form in a browser: a late one replaces nothing, and a file can be chosen again."""

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from local.demo.pictures import input_picture
from tests.e2e.browser.console_tab import DEADLINE_MS, ConsoleTab
from tests.harness.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system")]

LINK = "https://a.example/dog.png"


def hold_upload(tab: ConsoleTab) -> Route:
    """Choose a picture, and return the request for its upload, which waits."""
    page = tab.page
    held: list[Route] = []
    tab.sign_in()
    page.get_by_label("Image to image").check()
    page.route("**/v1alpha2/uploads", lambda route: held.extend([route]))
    file = FilePayload(name="cat.png", mimeType="image/png", buffer=input_picture())
    page.get_by_label("Choose a file").set_input_files(file)
    eventually(lambda: page.title() and held, "the request for an upload", DEADLINE_MS / 1000)
    return held[0]


def end_upload(page: Page, route: Route) -> None:
    """Let the upload go on to its end in S3."""
    with page.expect_response(lambda response: response.request.method == "POST" and "/v1alpha2/" not in response.url):
        route.continue_()


def test_a_late_upload_does_not_replace_a_link_that_was_typed_since(tab: ConsoleTab) -> None:
    upload = hold_upload(tab)
    link = tab.page.get_by_label("Link of the input picture")
    link.fill(LINK)
    expect(tab.page.get_by_text("Uploading")).to_have_count(0)
    end_upload(tab.page, upload)
    expect(link).to_have_value(LINK)


def test_a_late_upload_does_not_replace_what_was_typed_on_a_later_visit(tab: ConsoleTab) -> None:
    upload = hold_upload(tab)
    tab.show("Watch")
    tab.show("Create")
    prompt = tab.page.get_by_label("Prompt", exact=True)
    prompt.fill("typed later")
    end_upload(tab.page, upload)
    tab.show("Watch")
    tab.show("Create")
    expect(prompt).to_have_value("typed later")


def test_the_same_file_can_be_chosen_again(tab: ConsoleTab) -> None:
    tab.sign_in()
    tab.page.get_by_label("Image to image").check()
    tab.choose_picture("cat.png", input_picture())
    # A browser reports no choice of the file that its input still holds.
    expect(tab.page.get_by_label("Choose a file")).to_have_value("")
