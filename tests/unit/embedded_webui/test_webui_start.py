"""Start of the embedded Web UI: what an early request does, and what the first requests find."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from embedded_webui.api.application import add_middleware, add_routes, bare_application, create_application
from embedded_webui.web_ui import build_web_ui


def test_the_middleware_is_refused_after_a_request() -> None:
    application = bare_application()
    with TestClient(application) as client:
        assert client.get("/sdapi/v1/progress").status_code == 404

    with pytest.raises(RuntimeError, match="Cannot add middleware after an application has started"):
        add_middleware(application)


def test_routes_that_are_added_one_by_one_answer_one_by_one(tmp_path: Path) -> None:
    application = bare_application()
    add_middleware(application)
    client = TestClient(application)
    routes = add_routes(application, build_web_ui(models_folder=tmp_path, threads=1, settings_file=None))
    statuses = [[client.get(f"/sdapi/v1/{name}").status_code for name in ("progress", "sd-models")] for _ in routes]

    assert statuses[0] == [404, 404]
    assert [200, 404] in statuses
    assert statuses[-1] == [200, 200]


def test_embeddings_cannot_be_refreshed_without_a_model(tmp_path: Path) -> None:
    client = TestClient(create_application(build_web_ui(models_folder=tmp_path, threads=1, settings_file=None)))

    response = client.post("/sdapi/v1/refresh-embeddings")

    assert response.status_code == 500
    errors = "'NoneType' object has no attribute 'cond_stage_model'"
    assert response.json() == {"error": "AttributeError", "detail": "", "body": "", "errors": errors}
