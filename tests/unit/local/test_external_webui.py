from pathlib import Path
from typing import Any

import httpx
import pytest

from local.command_line import UpOptions, parse_options
from local.console import Console
from local.external_engines import with_external_checkpoints

TITLES = ["anime/old.ckpt", "realistic.safetensors [6ce0161689]"]


def adapted(file: Path, titles: list[str], loaded: Any, *, status: int = 200, environment: str = "local") -> UpOptions:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/sdapi/v1/sd-models":
            return httpx.Response(status, json=[{"title": title} for title in titles])
        return httpx.Response(200, json={"sd_model_checkpoint": loaded})

    options = parse_options(["up", "--webui-url", "http://ui:7860", "--environment", environment])
    return with_external_checkpoints(options, file=file, console=Console(), transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("loaded", "used"),
    [(TITLES[1], "realistic.safetensors"), (None, "anime/old.ckpt"), ("gone.ckpt", "anime/old.ckpt")],
)
def test_a_runtime_uses_the_checkpoint_that_the_web_ui_has(
    loaded: str | None, used: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = adapted(tmp_path / "environment.yaml", TITLES, loaded)
    fixed, dynamic, _ = options.environment.runtimes
    assert (fixed.model_filename, dynamic.model_filename, dynamic.dynamic_model) == (used, None, True)
    assert options.external_models == ("Stable-diffusion/anime/old.ckpt", "Stable-diffusion/realistic.safetensors")
    assert options.environment_file == tmp_path / "environment.yaml"
    assert f"sdruntime uses {used}, because the Web UI has no v1-5-pruned" in capsys.readouterr().err


def test_a_checkpoint_that_the_web_ui_has_stays(tmp_path: Path) -> None:
    name = "v1-5-pruned-emaonly.safetensors"
    options = adapted(tmp_path / "environment.yaml", [*TITLES, name], TITLES[1])
    assert options.environment.runtimes[0].model_filename == name


@pytest.mark.parametrize(
    ("titles", "loaded", "used"),
    [
        (TITLES, TITLES[1], ["realistic.safetensors", "anime/old.ckpt"]),
        (
            ["sd_xl_base_1.0.safetensors", "other.ckpt"],
            "sd_xl_base_1.0.safetensors",
            ["other.ckpt", "sd_xl_base_1.0.safetensors"],
        ),
        (["only.safetensors"], "only.safetensors", ["only.safetensors", "sd_xl_base_1.0.safetensors"]),
        (
            ["a.safetensors", "a.ckpt"],
            "a.ckpt",
            ["a.ckpt", "sd_xl_base_1.0.safetensors"],
        ),
        (["old.pt", *TITLES], "old.pt", ["anime/old.ckpt", "realistic.safetensors"]),
    ],
)
def test_no_two_runtimes_use_the_same_checkpoint(
    titles: list[str], loaded: str, used: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = adapted(tmp_path / "environment.yaml", titles, loaded, environment="prod")
    assert [runtime.model_filename for runtime in options.environment.runtimes] == [*used, None]
    has_too_few = "sd_xl_base_1.0.safetensors" in used and "sd_xl_base_1.0.safetensors" not in titles
    assert ("tasks of runtime sdxl fail" in capsys.readouterr().err) == has_too_few


@pytest.mark.parametrize(
    ("titles", "status", "message"), [(TITLES, 404, "start it with --api"), ([], 200, "has no checkpoint")]
)
def test_a_web_ui_without_checkpoints_is_reported(
    titles: list[str], status: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = adapted(tmp_path / "environment.yaml", titles, None, status=status)
    assert options.environment_file.name == "local.yaml"
    assert message in capsys.readouterr().err
