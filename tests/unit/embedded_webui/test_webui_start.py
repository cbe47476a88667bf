"""First requests to an embedded Web UI that has no model."""

from pathlib import Path

from starlette.testclient import TestClient

from embedded_webui.api.application import create_application
from embedded_webui.web_ui import EmbeddedWebUi


def test_embeddings_cannot_be_refreshed_without_a_model(tmp_path: Path) -> None:
    client = TestClient(create_application(EmbeddedWebUi(models_folder=tmp_path, threads=1, settings_file=None)))

    response = client.post("/sdapi/v1/refresh-embeddings")

    assert response.status_code == 500
    errors = "'NoneType' object has no attribute 'cond_stage_model'"
    assert response.json() == {"error": "AttributeError", "detail": "", "body": "", "errors": errors}
