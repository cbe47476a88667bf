"""Start of the embedded Web UI: requests before a model is loaded, and the packages that the load imports."""

import gc
import importlib.util
import sys
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from embedded_webui.api.application import create_application
from embedded_webui.models.engine import hidden, uncollected
from embedded_webui.web_ui import EmbeddedWebUi


def test_embeddings_cannot_be_refreshed_without_a_model(tmp_path: Path) -> None:
    client = TestClient(create_application(EmbeddedWebUi(models_folder=tmp_path, threads=1, settings_file=None)))

    response = client.post("/sdapi/v1/refresh-embeddings")

    assert response.status_code == 500
    errors = "'NoneType' object has no attribute 'cond_stage_model'"
    assert response.json() == {"error": "AttributeError", "detail": "", "body": "", "errors": errors}


def test_a_hidden_package_is_there_again_after_the_start() -> None:
    sys.modules.pop("colorsys", None)
    with hidden("colorsys"):
        assert importlib.util.find_spec("colorsys") is None
    assert importlib.import_module("colorsys").rgb_to_hls(0, 0, 0) == (0, 0, 0)


def test_a_package_that_is_in_use_is_not_hidden() -> None:
    used = importlib.import_module("colorsys")
    with hidden("colorsys"):
        assert sys.modules["colorsys"] is used
    assert sys.modules["colorsys"] is used


def test_garbage_is_searched_for_again_after_a_load_that_failed() -> None:
    @uncollected()
    def load() -> None:
        assert not gc.isenabled()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        load()
    assert gc.isenabled()
