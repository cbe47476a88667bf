"""Receiver code of docs/how-to/webhooks.md, run on the real requests of the function."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from contract.routing import Catalogue, Runtime
from contract.submission import parse_submission
from lambdas.deliver_webhook.signature import signed_headers, signing_key
from tests.harness.documented_code import code_blocks

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
BODY = json.dumps({"id": "a", "result": True, "context": "ä"}).encode()
BLOCKS = code_blocks("how-to/webhooks.md", "python")


#: Receiver in the documents, called with the headers and the body of a webhook.
Handle = Callable[[dict[str, str], bytes], object]


@pytest.fixture(params=range(len(BLOCKS)), ids=["standardwebhooks", "without_packages"])
def handle(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Handle:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    namespace: dict[str, Any] = {}
    exec(BLOCKS[request.param], namespace)  # noqa: S102 - it is our own document
    handle: Handle = namespace["handle"]
    return handle


def headers(body: bytes, *secrets: str, seconds_ago: int = 0) -> dict[str, str]:
    keys = [signing_key(secret) for secret in secrets]
    return dict(signed_headers("msg_1", body, keys=keys, now_seconds=int(time.time()) - seconds_ago))


def test_what_we_sent_is_taken(handle: Handle) -> None:
    assert handle(headers(BODY, SECRET), BODY) == json.loads(BODY)


def test_what_is_signed_by_two_secrets_is_taken(handle: Handle) -> None:
    other = "whsec_" + "QUJD" * 10
    assert handle(headers(BODY, other, SECRET), BODY) == json.loads(BODY)


@pytest.mark.parametrize(
    ("sent", "arrived"),
    [
        (headers(BODY, SECRET), BODY + b" "),
        (headers(BODY, "QUJD" * 10), BODY),
        (headers(BODY, SECRET, seconds_ago=301), BODY),
        (headers(BODY, SECRET) | {"webhook-id": "msg_2"}, BODY),
        (headers(BODY, SECRET) | {"webhook-signature": "v1,"}, BODY),
        (headers(BODY, SECRET) | {"webhook-signature": "v1,ä"}, BODY),
        (headers(BODY, SECRET) | {"webhook-timestamp": "yesterday"}, BODY),
    ],
)
def test_everything_else_is_refused(handle: Handle, sent: dict[str, str], arrived: bytes) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - each snippet has its own error
        handle(sent, arrived)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_request_of_anybody_raises_what_the_snippet_promises(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    namespace: dict[str, Any] = {}
    exec(BLOCKS[1], namespace)  # noqa: S102 - it is our own document
    given = {name: value for name, value in headers(BODY, SECRET).items() if name != missing}
    with pytest.raises(ValueError, match=r"time|signed"):
        namespace["handle"](given, BODY)


def test_the_names_of_headers_may_be_capitalised(handle: Handle) -> None:
    capitalised = {name.title(): value for name, value in headers(BODY, SECRET).items()}
    assert handle(capitalised, BODY) == json.loads(BODY)


def test_the_documented_request_is_taken() -> None:
    catalogue = Catalogue([Runtime(name="sdruntime", model_filename="a.safetensors")])
    body = json.loads(code_blocks("how-to/webhooks.md", "json")[0])
    submission = parse_submission(body, catalogue=catalogue, find_checkpoint=lambda _: None, has_object=lambda _: True)
    assert submission.task.metadata.webhook == "https://shop.example/darkroom?order=7"
