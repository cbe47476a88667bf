"""Comfy-Org's own clients against the local system, with nothing changed but the base URL and the key."""

import asyncio
import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from PIL import Image

from tests.harness.local_system import System
from tests.harness.openai_calls import drawn_png

if TYPE_CHECKING:
    from comfy_sdk import Comfy

pytestmark = [pytest.mark.xdist_group("local_system")]

PROGRAM: Final = Path(__file__).with_name("comfy_client.mjs")
NODE: Final = Path(sys.executable).parent / "node"
INVERTED: Final[dict[str, Any]] = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "cat.png"}},
    "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "sdk"}},
}


def empty(side: int = 64, **more: Any) -> dict[str, Any]:
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": side, "height": side, "batch_size": 1, "color": 255}},
        "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "empty"}},
        **more,
    }


@pytest.fixture
def base_url(system: System, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"{system.endpoints['http_url'].rstrip('/')}/comfy/comfyui"
    monkeypatch.setenv("COMFY_BASE_URL", url)
    return url


@pytest.fixture
def client(system: System, base_url: str) -> Iterator["Comfy"]:
    from comfy_sdk import Comfy  # noqa: PLC0415 - every process reads this file to know its tests

    assert base_url
    with Comfy(api_key=system.endpoints["api_key"]) as opened:
        yield opened


def pixel(png: bytes) -> Any:
    return Image.open(io.BytesIO(png)).convert("RGB").getpixel((0, 0))


def test_an_asset_goes_in_and_its_inversion_comes_out(client: "Comfy", tmp_path: Path) -> None:
    workflow = client.workflows.from_json(json.loads(json.dumps(INVERTED)))
    asset = client.assets.from_bytes(drawn_png("#ff0000"), filename="cat.png")
    workflow.set_input("1", "image", asset)
    job = client.submit(workflow, metadata={"client": "acme"})
    job.result()
    (output,) = job.get_outputs("3")
    assert (output.name, output.type, output.content_type) == ("sdk_00001_.png", "image", "image/png")
    saved = output.to_file(tmp_path / "out.png")
    assert (saved.stat().st_size, pixel(saved.read_bytes())) == (output.size_bytes, (0, 255, 255))
    assert pixel(output.to_bytes()) == (0, 255, 255)
    again = client.jobs.get(job.id)
    assert (again.status, again.metadata) == ("succeeded", {"client": "acme"})
    assert job.get_workflow().format == "api"
    assert [summary.id for summary in client.list_jobs(metadata={"client": "acme"})] == [job.id]
    # The output of a job is an asset.
    second = client.workflows.from_json(json.loads(json.dumps(INVERTED)))
    second.set_input("1", "image", client.assets.get(output.id))
    (twice,) = client.submit(second).result().outputs
    assert pixel(twice.to_bytes()) == (255, 0, 0)


def test_the_asynchronous_client(system: System, base_url: str) -> None:
    from comfy_sdk import AsyncComfy  # noqa: PLC0415 - as above

    assert base_url

    async def make() -> tuple[str, list[Any]]:
        async with AsyncComfy(api_key=system.endpoints["api_key"]) as client:
            job = await client.run(client.workflows.from_json(empty()))
            return job.status, [pixel(await output.to_bytes()) for output in job.outputs]

    assert asyncio.run(make()) == ("succeeded", [(0, 0, 255)])


def test_refusals_and_ends_become_the_clients_exceptions(client: "Comfy") -> None:
    from comfy_sdk import Comfy, exceptions  # noqa: PLC0415 - as above

    with pytest.raises(exceptions.InvalidWorkflow):
        client.submit(client.workflows.from_json({"1": {"class_type": "Nope", "inputs": {}}}))
    with pytest.raises(exceptions.NotFound):
        client.jobs.get("nothing")
    client.submit(client.workflows.from_json(empty()), idempotency_key="once")
    with pytest.raises(exceptions.IdempotencyKeyReuse):
        client.submit(client.workflows.from_json(empty()), idempotency_key="once")
    cancelled = client.submit(client.workflows.from_json(empty(8)))
    assert list(cancelled.events()) == []
    cancelled.cancel()
    assert cancelled.status in {"canceled", "succeeded"}
    with Comfy(api_key="wrong") as stranger, pytest.raises(exceptions.Unauthorized):
        stranger.submit(client.workflows.from_json(empty()))


def test_the_javascript_client(system: System, base_url: str, tmp_path: Path) -> None:
    picture = tmp_path / "cat.png"
    picture.write_bytes(drawn_png("#ff0000"))
    ended = subprocess.run(
        [NODE, PROGRAM, system.endpoints["api_key"], picture],
        env={**os.environ, "COMFY_BASE_URL": base_url, "WORKFLOW": json.dumps(INVERTED)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout.partition("REPORT ")[2])
    assert pixel(base64.b64decode(report.pop("bytes"))) == (0, 255, 255)
    assert report.pop("output") | {"size": 0} == {"name": "sdk_00001_.png", "type": "image", "size": 0}
    assert report == {
        "submitted": "queued",
        "status": "succeeded",
        "again": "succeeded",
        "events": [],
        "cancelled": "succeeded",
        "workflow": "api",
        "refused": {"name": "InvalidWorkflow", "code": "invalid_workflow"},
    }
