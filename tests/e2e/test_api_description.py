"""Running gateway against its description: every answer is described, and none is a server error."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from docs.openapi import openai, webui
from tests.harness.local_system import System

PROJECT = Path(__file__).parents[2]
# The other tests check their responses too; schemathesis searches for requests that they do not send.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("described_system"), pytest.mark.timeout(900)]

#: Generated requests of each operation, in addition to its examples and its edge cases.
MAX_EXAMPLES: Final = 3
#: Operations whose answers make pictures, and the seconds for all of them.
WAITING_TAGS: Final = f"^({webui.TAG}|{openai.TAG})$"
MAX_WAITING_SECONDS: Final = 15
CHECKS: Final = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "missing_required_header",
    "use_after_free",
)


def test_every_answer_is_described_and_none_is_a_server_error(described_system: System, tmp_path: Path) -> None:
    options = {
        "--exclude-tag-regex": WAITING_TAGS,
        # It answers 501 always, as the Comfy API has it for a server without streams.
        "--exclude-operation-id": "streamComfyEvents",
        "--phases": "examples,coverage,fuzzing",
    }
    judge(described_system, tmp_path, checks=("not_a_server_error", *CHECKS), options=options)


def test_every_answer_of_the_apis_that_wait_is_described(described_system: System, tmp_path: Path) -> None:
    # A 500 may be the Web UI's own answer, and is described too. The tests of the clients have what each call must
    # answer.
    options = {
        "--include-tag-regex": WAITING_TAGS,
        "--phases": "examples,fuzzing",
        "--max-time": str(MAX_WAITING_SECONDS),
    }
    judge(described_system, tmp_path, checks=CHECKS, options=options)


def judge(system: System, folder: Path, *, checks: Sequence[str], options: Mapping[str, str]) -> None:
    program, document = Path(sys.executable).with_name("schemathesis"), PROJECT / "docs" / "reference" / "openapi.json"
    options = {
        "--url": system.endpoints["http_url"].rstrip("/"),
        "--header": f"x-api-key: {system.endpoints['api_key']}",
        "--checks": ",".join(checks),
        "--max-examples": str(MAX_EXAMPLES),
        "--seed": "1",
        # One key may send 100 requests a second; what is answered with 429 tests nothing.
        "--rate-limit": "80/s",
        "--request-timeout": "40",
        **options,
    }
    result = subprocess.run(
        [
            str(program),
            "run",
            str(document),
            *(part for pair in options.items() for part in pair),
            "--generation-deterministic",
            "--no-color",
        ],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
