"""Description of the API over the local gateway: anybody may read it, and everything else needs a key as before."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import pytest
import requests

from tests.harness.local_system import System

pytestmark = [pytest.mark.xdist_group("local_system")]

#: Node.js, and a program that runs the page's script.
NODE: Final = Path(sys.executable).parent / "node"
PROGRAM: Final = Path(__file__).with_name("description_page.mjs")


def get(system: System, path: str, **headers: str) -> requests.Response:
    return requests.get(system.endpoints["http_url"].rstrip("/") + path, headers=headers, timeout=30)


def test_the_document_is_read_without_a_key_and_its_address_works(system: System) -> None:
    response = get(system, "/openapi.json")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")
    document = response.json()
    assert document["openapi"] == "3.1.0"
    (server,) = document["servers"]
    assert server["url"] == system.endpoints["http_url"].rstrip("/")
    key = {"x-api-key": system.endpoints["api_key"]}
    assert requests.get(f"{server['url']}/v1alpha2/tasks", headers=key, timeout=30).status_code == 200
    assert get(system, "/openapi.json", **{"If-None-Match": response.headers["ETag"]}).status_code == 304


def test_the_page_is_read_without_a_key_and_finds_the_document(system: System) -> None:
    response = get(system, "/docs")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert 'fetch("openapi.json")' in response.text
    assert requests.get(urljoin(response.url, "openapi.json"), timeout=30).status_code == 200


def test_the_page_shows_every_operation_field_and_example(system: System) -> None:
    address = system.endpoints["http_url"].rstrip("/")
    ended = subprocess.run([NODE, PROGRAM, address], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    document = get(system, "/openapi.json").json()
    wanted = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    for schema in ("Task", "Metadata", "Policy", "ShownTask", "Sampling", "Output", "UploadForm"):
        wanted |= document["components"]["schemas"][schema]["properties"].keys()
    body = document["paths"]["/v1alpha2"]["post"]["requestBody"]["content"]["application/json"]
    wanted |= {json.dumps(example["value"], indent=2) for example in body["examples"].values()}
    assert not [text for text in wanted if text not in ended.stdout]
    assert not re.search(r"\[object|undefined", ended.stdout)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1alpha2/tasks", 401),
        ("/sdapi/v1/docs", 401),
        ("/docs/more", 404),
        ("/openapi.yaml", 404),
        ("/", 404),
    ],
)
def test_everything_else_is_refused_without_a_key(system: System, path: str, status: int) -> None:
    response = get(system, path)
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/json")
    assert response.json()["error"]["code"]
