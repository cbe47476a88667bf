"""RunPod's own JavaScript client against the local system: every call of it, with another base URL and key."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from tests.harness.local_system import SLOW, System

pytestmark = [pytest.mark.xdist_group("local_system")]

PROGRAM: Final = Path(__file__).with_name("runpod_sdk.mjs")
NODE: Final = Path(sys.executable).parent / "node"


def sizes(images: list[str]) -> list[tuple[int, int]]:
    return [Image.open(io.BytesIO(base64.b64decode(image))).size for image in images]


def test_every_call_of_the_javascript_client(system: System) -> None:
    command = [NODE, PROGRAM, f"{system.endpoints['http_url']}/v2", system.endpoints["api_key"]]
    environment = os.environ | {"SLOW": json.dumps(SLOW)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout.partition("REPORT ")[2])

    assert report["health"]["workers"].keys() >= {"idle", "running"}
    done = report["runSync"]
    assert (done["status"], done["succeeded"]) == ("COMPLETED", True)
    assert sizes(done["output"]["images"]) == [(64, 64)]
    assert report["run"] == {"id": report["run"]["id"], "status": "IN_QUEUE"}
    for answer in (report["statusSync"], report["status"]):
        assert (answer["id"], answer["status"]) == (report["run"]["id"], "COMPLETED")
        assert sizes(answer["output"]["images"]) == [(64, 64)]
    assert sizes(report["stream"][-1]["output"]["images"]) == [(64, 64)]
    assert report["early"]["status"] in {"IN_QUEUE", "IN_PROGRESS"}
    assert report["early"]["completed"] is False
    assert report["cancel"]["status"] == "CANCELLED"
    assert report["purgeQueue"] == {"removed": 0, "status": "completed"}
    assert report["unknown"] == 404
