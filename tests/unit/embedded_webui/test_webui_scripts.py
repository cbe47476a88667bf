import pytest
from fastapi import HTTPException

from embedded_webui.api import scripts
from embedded_webui.lists import LISTS
from embedded_webui.requests import GenerationRequest, ImageToImageRequest, TextToImageRequest


@pytest.mark.parametrize(
    "request_",
    [
        TextToImageRequest(),
        TextToImageRequest(alwayson_scripts={"Seed": {"args": [5, True, 6, 0.5, 0, 0]}}),
        TextToImageRequest(alwayson_scripts={"Refiner": {"args": [False, "", 0.8]}, "Hypertile": {"args": [True]}}),
        ImageToImageRequest(alwayson_scripts={"Sampler": {"args": [20, "Euler", "Automatic"]}, "extra options": {}}),
        ImageToImageRequest(alwayson_scripts={"Soft inpainting": {"args": [False, 1, 0.5, 4, 0, 0.5, 2]}}),
        ImageToImageRequest(script_name="SD upscale"),
        TextToImageRequest(script_name="X/Y/Z plot"),
    ],
)
def test_what_runs_is_accepted(request_: GenerationRequest) -> None:
    scripts.check(request_)


@pytest.mark.parametrize(
    ("request_", "detail"),
    [
        (TextToImageRequest(script_name="sd upscale"), "Script 'sd upscale' not found"),
        (TextToImageRequest(alwayson_scripts={"ControlNet": {}}), "Script 'ControlNet' not found"),
        (
            TextToImageRequest(alwayson_scripts={"X/Y/Z plot": {}}),
            "Cannot have a selectable script in the always on scripts params",
        ),
    ],
)
def test_what_is_unknown_is_refused(request_: GenerationRequest, detail: str) -> None:
    with pytest.raises(HTTPException) as refusal:
        scripts.check(request_)
    assert (refusal.value.status_code, refusal.value.detail) == (422, detail)


@pytest.mark.parametrize(
    "request_",
    [
        TextToImageRequest(script_name="prompt matrix"),
        ImageToImageRequest(alwayson_scripts={"Soft inpainting": {"args": [True]}}),
    ],
)
def test_what_is_known_but_does_not_run_here_is_not_passed_over(request_: GenerationRequest) -> None:
    with pytest.raises(NotImplementedError):
        scripts.check(request_)


def test_every_script_but_hypertile_has_an_entry() -> None:
    listed = [(entry["is_img2img"], entry["name"]) for entry in LISTS["script-info"]]
    names = [(tab == "img2img", name) for tab, names in LISTS["scripts"].items() for name in names]
    assert listed == [entry for entry in names if entry[1] != "Hypertile"]
