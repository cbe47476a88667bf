"""Waits while the API, or a proxy in front of it, throttles the key or does not answer."""

import pytest

import darkroom
from darkroom.http_exchange import HttpReply, NoReply
from tests.unit.darkroom.fake_transport import answer, refusal, task
from tests.unit.darkroom.test_batches import batch
from tests.unit.darkroom.test_client import LOST, client

THROTTLED = refusal(429, "throttled", retry_after="1")


def test_a_wait_goes_on_while_the_key_is_throttled() -> None:
    api, _, _ = client(answer(task("IN_QUEUE")), *[THROTTLED] * 5, answer(task("COMPLETED")))
    assert api.wait("a").status == "COMPLETED"
    api, _, _ = client(batch(1), *[THROTTLED] * 5, batch(2))
    assert [seen.progress for seen in api.watch_batch("b")] == [0.5, 1]


def test_a_wait_does_not_go_on_for_ever() -> None:
    api, _, clock = client(answer(task("IN_QUEUE")), THROTTLED)
    with pytest.raises(darkroom.TooManyRequests):
        api.wait("a")
    assert clock.seconds >= 60


def test_a_proxy_throttles_in_its_own_words() -> None:
    api, transport, _ = client(HttpReply(429, {}, b"<html>slow down</html>"))
    with pytest.raises(darkroom.TooManyRequests, match="too many requests"):
        api.get("a")
    assert len(transport.calls) == 4


@pytest.mark.parametrize("fault", [LOST, refusal(429, "throttled", retry_after="30"), refusal(503, "unavailable")])
def test_repetitions_do_not_outlast_the_time_limit_of_a_wait(fault: HttpReply | NoReply) -> None:
    api, _, clock = client(answer(task("IN_QUEUE")), fault)
    with pytest.raises(darkroom.DeadlinePassed, match="still active after 2 s: a"):
        api.wait("a", timeout_seconds=2)
    assert clock.seconds == pytest.approx(2)
    api, _, clock = client(batch(1), fault)
    with pytest.raises(darkroom.DeadlinePassed, match="b is still active after 2 s"):
        list(api.watch_batch("b", timeout_seconds=2))
    assert clock.seconds == pytest.approx(2)


def test_an_api_that_has_not_answered_once_is_no_active_task() -> None:
    api, _, clock = client(LOST)
    with pytest.raises(darkroom.Unavailable, match="does not answer: timed out"):
        api.wait("a", timeout_seconds=1)
    assert clock.seconds == pytest.approx(1)
