"""OpenAI's own clients against the local system, with nothing changed but the base URL and the key."""

import asyncio
import base64
import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest
from PIL import Image

from tests.harness.local_system import SLOW, System
from tests.harness.openai_calls import RECORDED_CALLS, RecordedCall, drawn_png

if TYPE_CHECKING:
    from openai import OpenAI

pytestmark = [pytest.mark.xdist_group("local_system")]

PROGRAM: Final = Path(__file__).with_name("openai_client.mjs")
NODE: Final = Path(sys.executable).parent / "node"
SMALL: Final[dict[str, Any]] = {"prompt": "A dog", "size": "64x64", "extra_body": {"steps": 2, "seed": 1}}


def base_url(system: System) -> str:
    return f"{system.endpoints['http_url'].rstrip('/')}/v1"


@pytest.fixture
def client(system: System) -> "OpenAI":
    from openai import OpenAI  # noqa: PLC0415 - takes seconds, and every process reads this file to know its tests

    return OpenAI(base_url=base_url(system), api_key=system.endpoints["api_key"], max_retries=0)


def opened(encoded: str | None) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(encoded or "")))


def test_links_to_generated_pictures(client: "OpenAI") -> None:
    made = client.images.generate(model="sdruntime", n=2, **SMALL)
    assert made.data is not None
    pictures = [Image.open(io.BytesIO(httpx.get(each.url or "", timeout=60).content)) for each in made.data]
    assert [(picture.format, picture.size) for picture in pictures] == [("PNG", (64, 64))] * 2


def test_the_asynchronous_client_gets_pictures_in_the_format_that_it_names(client: "OpenAI") -> None:
    from openai import AsyncOpenAI  # noqa: PLC0415 - as above

    async def make(async_client: AsyncOpenAI, output_format: Any) -> bytes:
        asked = {"response_format": "b64_json", "output_format": output_format, "output_compression": 60}
        answer = await async_client.images.generate(**SMALL, **asked)
        assert answer.data is not None
        return base64.b64decode(answer.data[0].b64_json or "")

    async def make_both() -> tuple[bytes, bytes]:
        async with AsyncOpenAI(base_url=client.base_url, api_key=client.api_key, max_retries=0) as async_client:
            return await asyncio.gather(make(async_client, "jpeg"), make(async_client, "webp"))

    jpeg, webp = asyncio.run(make_both())
    assert (jpeg[:2], webp[8:12]) == (b"\xff\xd8", b"WEBP")


def test_an_edit_with_a_mask_and_a_variation(client: "OpenAI") -> None:
    body = {"steps": 2, "width": 64, "height": 64}
    edited = client.images.edit(
        image=("picture.png", drawn_png()),
        mask=("mask.png", drawn_png("#00000000")),
        prompt="A hat",
        size="64x64",
        response_format="b64_json",
        extra_body=body,
    )
    varied = client.images.create_variation(
        image=("picture.png", drawn_png()), response_format="b64_json", extra_body=body
    )
    for answer in (edited, varied):
        assert answer.data is not None
        assert opened(answer.data[0].b64_json).size == (64, 64)


def test_models_and_one_of_the_bucket(client: "OpenAI", system: System) -> None:
    names = [model.id for model in client.models.list()]
    assert names[:5] == ["sdruntime", "gpt-image-1", "dall-e-2", "dall-e-3", "dynamic"]
    assert [client.models.retrieve(name).id for name in (names[0], names[-1])] == [names[0], names[-1]]
    made = client.images.generate(model=names[-1], **SMALL)
    task = system.http("GET", f"/v1alpha2/tasks/{made.model_extra['id_task']}").json()
    assert (task["runtime"], names[-1].partition("/")[0]) == ("dynamic", "dynamic")


def test_errors_become_the_clients_exceptions(client: "OpenAI") -> None:
    import openai  # noqa: PLC0415 - as above

    with pytest.raises(openai.NotFoundError, match="there is no runtime 'gpt-image-9'") as unknown:
        client.images.generate(model="gpt-image-9", prompt="A dog")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError, match="size: is 4096; this runtime accepts") as refused:
        client.images.generate(prompt="A dog", size="4096x64")
    assert refused.value.param == "size"
    with pytest.raises(openai.BadRequestError, match="did you mean 'negative_prompt'"):
        client.images.generate(**SMALL | {"extra_body": {"negativ_prompt": "cat"}})
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").images.generate(**SMALL)
    with pytest.raises(openai.NotFoundError, match="there is no model 'gpt-image-9'"):
        client.models.retrieve("gpt-image-9")
    with pytest.raises(openai.BadRequestError, match="is 2 pictures; a Stable Diffusion checkpoint changes one"):
        client.images.edit(image=[("a.png", drawn_png()), ("b.png", drawn_png())], prompt="A hat")


def test_a_call_that_takes_longer_names_its_task(client: "OpenAI", system: System) -> None:
    import openai  # noqa: PLC0415 - as above

    slow = {name: value for name, value in SLOW.items() if name != "prompt"} | {"n_iter": 8}
    with pytest.raises(openai.InternalServerError) as late:
        client.images.generate(prompt="A dog", extra_body=slow)
    assert (late.value.status_code, late.value.code) == (504, "takes_longer")
    task = late.value.response.json()["id_task"]
    assert f"/v1alpha2/tasks/{task}." in late.value.message
    assert system.http("DELETE", f"/v1alpha2/tasks/{task}").json()["status"] == "CANCELLED"


def test_a_call_whose_task_was_cancelled_is_not_repeated(client: "OpenAI", system: System) -> None:
    import openai  # noqa: PLC0415 - as above

    prompt = "A dog of a cancelled call"
    slow = {name: value for name, value in SLOW.items() if name != "prompt"} | {"n_iter": 8}

    def tasks() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = system.http("GET", f"/v1alpha2/tasks?text={prompt}").json()["tasks"]
        return found

    with ThreadPoolExecutor() as pool:
        call = pool.submit(client.with_options(max_retries=2).images.generate, prompt=prompt, extra_body=slow)
        (task,) = system.eventually(tasks, "the task of the call")
        assert system.http("DELETE", f"/v1alpha2/tasks/{task['id']}").json()["status"] == "CANCELLED"
        with pytest.raises(openai.ConflictError):
            call.result()
    assert len(tasks()) == 1


@pytest.mark.slow
def test_a_stream_has_previews_before_its_pictures(client: "OpenAI", system: System) -> None:
    # At its own URL the function waits for minutes, so a busy machine has time for the previews.
    patient = client.with_options(base_url=f"{system.endpoints['function_urls']['openai_api'].rstrip('/')}/v1")
    asked = {"steps": 150, "width": 64, "height": 64}
    stream = patient.images.generate(prompt="A dog", n=3, stream=True, partial_images=1, extra_body=asked)
    events = [(event.type, opened(event.b64_json).size) for event in stream]
    made = ("image_generation.completed", (64, 64))
    assert events == [("image_generation.partial_image", (8, 8)), made, made, made]


def test_recorded_calls_of_other_programs(client: "OpenAI") -> None:
    """Each program gets its pictures, in the field that it reads and with the size that it asked for."""

    def sizes_of(recorded: RecordedCall) -> list[tuple[int, int]]:
        request = recorded.request(str(client.base_url).rstrip("/"), client.api_key)
        with httpx.Client(timeout=60) as sender:
            answer = sender.send(request)
            assert answer.status_code == HTTPStatus.OK, (recorded.program, answer.text)
            found = [each[recorded.reads] for each in answer.json()["data"]]
            is_link = recorded.reads == "url"
            files = [sender.get(each).content if is_link else base64.b64decode(each) for each in found]
        if recorded.fields.get("output_format") == "webp":
            # The stub Web UI makes WebP's beginning only.
            return [recorded.size for file in files if file[8:12] == b"WEBP"]
        return [Image.open(io.BytesIO(file)).size for file in files]

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(sizes_of, RECORDED_CALLS))
    assert made == [[recorded.size] * int(recorded.fields.get("n", 1)) for recorded in RECORDED_CALLS]


def test_every_call_of_the_javascript_client(system: System) -> None:
    command = [NODE, PROGRAM, base_url(system), system.endpoints["api_key"]]
    environment = {**os.environ, "MASK": base64.b64encode(drawn_png("#00000000")).decode()}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report: dict[str, Any] = json.loads(ended.stdout.partition("REPORT ")[2])
    assert report["models"][0] == "sdruntime"
    for call in ("generate", "edit", "variation"):
        assert [opened(each["b64_json"]).size for each in report[call]["data"]] == [(64, 64)] * 2
    assert report["events"][-1] == "image_generation.completed"
    assert report["refused"] == {"name": "NotFoundError", "status": 404, "param": "model", "code": "model_not_found"}
