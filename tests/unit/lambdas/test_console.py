"""Console: its files need no key, are kept by their hash, and run nothing of strangers."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from contract.tenancy import Tenancy
from lambdas.http import console
from lambdas.http.application import HttpApplication
from lambdas.http.console import BASE_ELEMENT, CONTENT_TYPES, FOLDER, add_console

CONTEXT = SimpleNamespace(function_name="read_task")
SCRIPT = "console.js"
PICTURES = "https://pictures.s3.example"


def get(path: str, *, stage: str = "", **headers: str) -> dict[str, Any]:
    application = HttpApplication(origins=(), tenancy=Tenancy())
    add_console(application, picture_origins=lambda: (PICTURES, PICTURES))
    event = {
        "resource": path,
        "path": path,
        "httpMethod": "GET",
        "headers": headers,
        "queryStringParameters": None,
        "requestContext": {"path": f"{stage}{path}", "stage": "api", "requestId": "r"},
        "body": None,
        "isBase64Encoded": False,
    }
    return application.resolve(event, CONTEXT)


def header(response: dict[str, Any], name: str) -> str:
    (value,) = response["multiValueHeaders"][name]
    return str(value)


def folder_of(page: str) -> str:
    (folder,) = re.findall('<base href="([^"]+)">', page)
    return str(folder)


@pytest.mark.parametrize("path", ["/console", "/console/"])
@pytest.mark.parametrize("stage", ["", "/api"])
def test_the_first_page_names_the_folder_of_the_files_below_the_address_that_was_called(path: str, stage: str) -> None:
    response = get(path, stage=stage)
    assert response["statusCode"] == 200
    assert header(response, "Content-Type") == "text/html; charset=utf-8"
    assert header(response, "Cache-Control") == "no-cache"
    folder = folder_of(response["body"])
    assert re.fullmatch(rf"{stage}/console/[0-9a-f]{{32}}/", folder)
    kept = get(f"{folder.removeprefix(stage)}{SCRIPT}")
    assert kept["body"] == (FOLDER / SCRIPT).read_text()
    assert header(kept, "Content-Type") == "text/javascript; charset=utf-8"
    assert header(kept, "Cache-Control") == "public, max-age=31536000, immutable"


def test_a_file_outside_that_folder_is_asked_for_again() -> None:
    first = get(f"/console/{SCRIPT}")
    assert header(first, "Cache-Control") == "no-cache"
    again = get(f"/console/{SCRIPT}", **{"If-None-Match": header(first, "ETag")})
    assert (again["statusCode"], again["body"]) == (304, "")


@pytest.mark.parametrize(
    "path", ["/console/nothing.js", "/console/../README.md", "/console//etc/passwd", "/console/index.html/x"]
)
def test_only_files_of_the_console_are_served(path: str) -> None:
    response = get(path)
    assert response["statusCode"] == 404
    assert "not_found" in response["body"]


def test_the_page_runs_its_own_files_only_and_reads_pictures_of_its_buckets() -> None:
    response = get("/console/")
    rules = dict(rule.split(" ", 1) for rule in header(response, "Content-Security-Policy").split("; "))
    assert rules == {
        "default-src": "'none'",
        "base-uri": "'self'",
        "connect-src": f"'self' {PICTURES}",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "img-src": f"'self' blob: data: {PICTURES}",
        "script-src": "'self'",
        "style-src": "'self'",
    }
    assert header(response, "X-Content-Type-Options") == "nosniff"
    assert header(response, "Referrer-Policy") == "no-referrer"


def test_an_address_is_text_in_the_page() -> None:
    page = get("/console", stage='/"><script>alert(1)</script>')["body"]
    assert "<script>alert" not in page


def test_every_file_of_the_console_has_a_type() -> None:
    assert BASE_ELEMENT in (FOLDER / "index.html").read_text()
    files = list(FOLDER.iterdir())
    assert not [file for file in files if file.suffix not in CONTENT_TYPES]
    assert len(console._files()) == len(files)
