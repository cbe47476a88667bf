"""Calls of the Comfy API, and the outcome of a job that they show."""

import base64
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import pytest

from contract.record import Status
from contract.routing import Catalogue, Runtime
from contract.transitions import Outcome
from lambdas.comfy_api import handler as comfy_api
from lambdas.http.application import HttpApplication
from lambdas.tasks import composition
from tests.harness.workflows import documented_workflow
from tests.unit.lambdas.harness import Harness, waiting_variables

CATALOGUE: Final = Catalogue(
    [Runtime(name="sdruntime", model_filename="a.safetensors"), Runtime(name="flows", type="comfyui")]
)
ROOT: Final = "/comfy/flows/api/v2"
PNG: Final = b"\x89PNG\r\n\x1a\n picture"
OUTCOME: Final = {
    "prompt_id": "p",
    "outputs": {
        "9": {
            "class_type": "SaveImage",
            "images": [
                {"filename": "a_00001_.png", "type": "output", "n": 1, "s3_url": "s3://output-bucket/comfy/a-1.png"}
            ],
            "animated": [False],
        },
        "12": {"text": ["a text"]},
    },
}
DONE: Final = Outcome(
    Status.COMPLETED, image_urls=("s3://output-bucket/comfy/a-1.png",), output_url="s3://output-bucket/a.out"
)
NODES: Final[dict[str, int | str]] = {"node": "3", "class_type": "KSampler", "nodes_done": 3, "nodes_total": 7}
BOUNDARY: Final = "boundary"
FORM: Final = f"multipart/form-data; boundary={BOUNDARY}"


def form(content: bytes, **texts: str) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in texts.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'.encode()
    return b"".join([*parts, head, content, f"\r\n--{BOUNDARY}--\r\n".encode()])


class ComfyCalls:
    """Calls of the API, each as API Gateway would send it."""

    def __init__(self, application: HttpApplication, harness: Harness, *, key: str = "shop") -> None:
        self._application = application
        self.harness = harness
        self._calls = 0
        self._key = key

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        query: dict[str, str] | None = None,
        root: str = ROOT,
    ) -> tuple[int, Any, dict[str, list[str]]]:
        self._calls += 1
        event = {
            "httpMethod": method,
            "path": root + path,
            "headers": dict(headers),
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {name: [value] for name, value in (query or {}).items()} or None,
            "requestContext": {
                "requestId": f"request-{self._calls}",
                "path": f"/api{root}{path}",
                "authorizer": {"principalId": self._key},
            },
            "body": base64.b64encode(body).decode() if isinstance(body, bytes) else json.dumps(body),
            "isBase64Encoded": isinstance(body, bytes),
        }
        answer = self._application.resolve(event, None)
        text = answer["body"]
        return answer["statusCode"], json.loads(text) if text else None, answer["multiValueHeaders"]

    def create(self, workflow: Any = None, **more: Any) -> tuple[int, Any]:
        headers = more.pop("headers", {})
        status, body, _ = self(
            "POST", "/jobs", {"workflow": workflow or documented_workflow(), **more}, headers=headers
        )
        return status, body

    def upload(self, content: bytes = PNG, **texts: str) -> tuple[int, Any]:
        status, body, _ = self("POST", "/assets", form(content, **texts), headers={"Content-Type": FORM})
        return status, body

    def refusal(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str, str]:
        status, answer, _ = self(method, path, body, **options)
        return status, answer["error"]["code"], answer["error"]["message"]


def comfy_calls(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> ComfyCalls:
    """Return calls to an application with the environment of the harness."""
    harness.catalogue = CATALOGUE
    for name, value in (waiting_variables(harness) | {"OUTPUT_BUCKET": "output-bucket"}).items():
        monkeypatch.setenv(name, value)
    for module in (comfy_api, composition):
        monkeypatch.setattr(module, "now_ms", lambda: harness.now_ms)
    harness.s3.put_object(Bucket="output-bucket", Key="a.out", Body=json.dumps(OUTCOME))
    harness.s3.put_object(Bucket="output-bucket", Key="comfy/a-1.png", Body=PNG, ContentType="image/png")
    comfy_api.application.cache_clear()
    return ComfyCalls(comfy_api.application(), harness)
