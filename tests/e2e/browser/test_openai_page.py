"""Page of another origin that makes pictures with OpenAI's JavaScript client, in a real browser."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import Browser

from tests.harness.local_system import System
from tests.harness.serving import QuietHandler, serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("local_system")]

ROOT: Final = Path(__file__).parents[3]
PROGRAM: Final = """
import OpenAI from "openai";
window.generate = async (baseURL, apiKey) => {
  const client = new OpenAI({ baseURL, apiKey, dangerouslyAllowBrowser: true, maxRetries: 0 });
  const made = await client.images.generate({ prompt: "A dog", size: "64x64", steps: 2 });
  return made.data.length;
};
"""


@pytest.fixture
def page_address() -> Iterator[str]:
    """Serve a page with the client, bundled as applications do it."""
    command = ["node_modules/.bin/esbuild", "--bundle", "--format=iife", "--platform=browser"]
    path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    script = subprocess.check_output(command, cwd=ROOT, env=os.environ | path, input=PROGRAM.encode())

    class Page(QuietHandler):
        def do_GET(self) -> None:
            is_script = self.path == "/program.js"
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if is_script else "text/html")
            self.end_headers()
            self.wfile.write(script if is_script else b'<script src="/program.js"></script>')

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Page)) as server:
        yield f"http://localhost:{server.server_port}/"


def test_a_page_makes_a_picture(browser: Browser, system: System, page_address: str) -> None:
    page = browser.new_page()
    page.goto(page_address)
    asked = json.dumps([f"{system.endpoints['http_url'].rstrip('/')}/v1", system.endpoints["api_key"]])
    assert page.evaluate(f"generate(...{asked})") == 1
    page.close()
