"""Engine of the SD Web UI against the stub."""

import pytest

from runtime_image.process.engine import UnknownModel
from runtime_image.supervisor.engines import SdWebUi
from runtime_image.webui.client import WebUiClient
from runtime_image.webui.errors import WebUiFailed
from stub_webui.server import serve_stub
from stub_webui.web_ui import CHECKPOINT, StubWebUi


def test_the_calls_of_a_start() -> None:
    with serve_stub(StubWebUi(seconds_per_step=0.0)) as url:
        client = WebUiClient(base_url=url)
        engine = SdWebUi(client=client, downloads_models=True, model_filename=CHECKPOINT, warms_up=True)

        engine.check_ready()
        assert engine.is_responsive(timeout_seconds=5)
        engine.prepare()
        with pytest.raises(UnknownModel, match="other"):
            SdWebUi(client=client, model_filename="other.safetensors").prepare()

    with pytest.raises(WebUiFailed):
        engine.check_ready()
    assert not engine.is_responsive(timeout_seconds=1)
    with pytest.raises(WebUiFailed):
        engine.prepare()


@pytest.mark.parametrize(
    ("downloads_models", "model_filename", "warms_up", "refreshes", "pictures"),
    [(True, CHECKPOINT, True, 4, 1), (False, CHECKPOINT, False, 0, 0), (False, "", True, 0, 0)],
)
def test_only_a_web_ui_that_serves_one_checkpoint_is_warmed_up(
    downloads_models: bool, model_filename: str, warms_up: bool, refreshes: int, pictures: int
) -> None:
    webui = StubWebUi(seconds_per_step=0.0)
    with serve_stub(webui) as url:
        SdWebUi(
            client=WebUiClient(base_url=url),
            downloads_models=downloads_models,
            model_filename=model_filename,
            warms_up=warms_up,
        ).prepare()

    refreshed = [path for method, path in webui.calls if method == "POST" and "/refresh-" in path]
    assert (len(refreshed), len(webui.runs)) == (refreshes, pictures)


def test_any_answer_proves_life_but_not_a_finished_start() -> None:
    webui = StubWebUi()
    webui.intercept = lambda path, body: (503, {"detail": "starting"})
    with serve_stub(webui) as url:
        engine = SdWebUi(client=WebUiClient(base_url=url))

        assert engine.is_responsive(timeout_seconds=5)
        with pytest.raises(WebUiFailed):
            engine.check_ready()


def test_a_web_ui_without_a_model_is_refreshed_all_the_same() -> None:
    webui = StubWebUi(checkpoints=[])
    with serve_stub(webui) as url:
        SdWebUi(client=WebUiClient(base_url=url), downloads_models=True).prepare()

    refreshed = {path for method, path in webui.calls if method == "POST"}
    assert refreshed == {f"/sdapi/v1/refresh-{name}" for name in ("checkpoints", "vae", "loras", "embeddings")}


@pytest.mark.parametrize(
    "missing", ["samplers", "schedulers", "upscalers", "loras", "sd-vae", "prompt-styles", "scripts"]
)
def test_a_web_ui_without_one_of_its_lists_is_not_ready(missing: str) -> None:
    webui = StubWebUi()
    del webui.service.lists[missing]
    with serve_stub(webui) as url, pytest.raises(WebUiFailed, match=missing):
        SdWebUi(client=WebUiClient(base_url=url)).check_ready()
