"""The client of webhooks ends each attempt in time."""

import threading
import time
from types import SimpleNamespace

from guarded_http.client import GuardedHttp
from lambdas.deliver_webhook.webhook_client import WebhookClient
from tests.harness.https_receiver import HttpsReceiver


def test_an_attempt_ends_after_fifteen_seconds() -> None:
    moments = iter([0.0, 14.9, 15.1])
    resolved: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        resolved.append(host)
        return [host]

    http = GuardedHttp(resolve=resolve, allowed_hosts=["127.0.0.1"])
    post = WebhookClient(http=http, clock=SimpleNamespace(monotonic=lambda: next(moments)))
    attempt = post.attempt("https://127.0.0.1/hook", b"{}", {})
    assert attempt.error == "it took longer than 15 s"
    assert resolved == ["127.0.0.1"]


def test_an_attempt_ends_at_its_deadline(receiver: HttpsReceiver) -> None:
    released = threading.Event()
    receiver.answers["/hook"] = lambda _: (released.wait(20), None)[1]
    http = GuardedHttp(
        resolve=lambda host, _: [host],
        allowed_hosts=[f"127.0.0.1:{receiver.server_port}"],
    )
    attempt = WebhookClient(http=http, clock=time, attempt_seconds=0.3).attempt(receiver.url("/hook"), b"{}", {})
    released.set()
    assert (attempt.status, attempt.ends) == (None, False)
    assert attempt.error
