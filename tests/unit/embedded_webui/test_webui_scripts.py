import pytest
from fastapi import HTTPException

from embedded_webui.api import scripts
from embedded_webui.requests import GenerationRequest, ImageToImageRequest, TextToImageRequest


@pytest.mark.parametrize(
    "request_",
    [
        TextToImageRequest(),
        TextToImageRequest(alwayson_scripts={"seed": {"args": []}}),
        ImageToImageRequest(script_name="SD upscale"),
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
        TextToImageRequest(script_name="x/y/z plot"),
        TextToImageRequest(alwayson_scripts={"Hypertile": {"args": [True]}}),
    ],
)
def test_what_is_known_but_does_not_run_here_is_not_passed_over(request_: GenerationRequest) -> None:
    with pytest.raises(NotImplementedError):
        scripts.check(request_)


def test_every_script_but_hypertile_has_an_entry() -> None:
    listed = [(entry["is_img2img"], entry["name"]) for entry in scripts.ENTRIES]
    names = [(tab == "img2img", name) for tab, names in scripts.NAMES.items() for name in names]
    assert listed == [entry for entry in names if entry[1] != "Hypertile"]
