import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from local.command_line import UpOptions, parse_options
from local.console import Console
from local.external_engines import with_external_comfyui

UP = ["up", "--comfyui-url", "http://127.0.0.1:8188/"]


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/system_stats":
        return httpx.Response(200, json={"system": {"argv": ["main.py", "--base-directory", "/var/comfyui"]}})
    known = {"/models/checkpoints": ["xl.safetensors", "sub/flux.safetensors"], "/models/loras": []}
    return httpx.Response(200, json=known[request.url.path]) if request.url.path in known else httpx.Response(404)


def of(options: UpOptions, *, running: bool = True) -> UpOptions:
    transport = httpx.MockTransport(answer if running else lambda _: httpx.Response(502, content=json.dumps("no")))
    return with_external_comfyui(options, console=Console(), transport=transport)


def test_its_models_and_its_directory_are_those_of_the_environment() -> None:
    options = of(replace(parse_options(UP), external_models=("Stable-diffusion/a.ckpt",)))
    assert options.external_models == (
        "Stable-diffusion/a.ckpt",
        "checkpoints/xl.safetensors",
        "checkpoints/sub/flux.safetensors",
    )
    assert options.comfyui_directory == Path("/var/comfyui")
    runtimes = {runtime.type: options.external_url(runtime) for runtime in options.environment.runtimes}
    assert runtimes == {"sdwebui": None, "comfyui": "http://127.0.0.1:8188"}


def test_a_given_directory_counts(tmp_path: Path) -> None:
    assert of(parse_options([*UP, "--comfyui-directory", str(tmp_path)])).comfyui_directory == tmp_path


def test_one_that_does_not_answer_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    options = parse_options(UP)
    assert of(options, running=False) == options
    assert "the ComfyUI at http://127.0.0.1:8188 does not list its models" in capsys.readouterr().err
    plain = parse_options(["up"])
    assert of(plain) == plain
