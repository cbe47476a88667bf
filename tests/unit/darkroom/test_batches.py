"""Batches of the typed client: what is sent, and how a batch is watched."""

import asyncio
import json
from typing import Any

import pytest

import darkroom
from darkroom.api_calls import OUTAGE_SECONDS
from darkroom.http_exchange import HttpReply, NoReply
from tests.unit.darkroom.fake_transport import FakeTransport, answer
from tests.unit.darkroom.test_client import LOST, client


def batch(ended: int, **changes: Any) -> HttpReply:
    """Return the answer about a batch of two tasks, of which `ended` have completed."""
    counts = {"active": 2 - ended, "completed": ended}
    status = "COMPLETED" if ended == 2 else "IN_PROGRESS"
    shown = {"id": "b", "status": status, "tasks": 2, "counts": counts, "progress": ended / 2, "estimated_end_at": None}
    return answer(shown | changes)


def test_lines_are_posted_with_their_type_and_options() -> None:
    api, transport, _ = client(batch(0))
    assert api.submit_batch(b"{}", id="b", expand=True).counts == {"active": 2, "completed": 0}
    [call] = transport.calls
    assert (call.method, call.url.partition("/v1alpha2")[2]) == ("POST", "/batches?id=b&expand=true")
    assert (call.headers["content-type"], call.body) == ("application/x-ndjson", b"{}")


def test_prepared_tasks_become_lines_and_an_array_stays_one() -> None:
    api, transport, _ = client(batch(0), batch(0))
    tasks = [api.prepare(prompt, id=prompt) for prompt in ("dog", "cat")]
    api.submit_batch(tasks)
    api.submit_batch(b" [{}]")
    lines, array = transport.calls
    assert [json.loads(line) for line in (lines.body or b"").split(b"\n")] == tasks
    assert (array.headers["content-type"], array.body) == ("application/json", b" [{}]")


def test_a_batch_whose_answer_is_lost_is_sent_again_under_the_same_id() -> None:
    api, transport, _ = client(LOST, batch(0), batch(0))
    api.submit_batch(b"{}")
    api.submit_batch(b"{}")
    first, again, other = (call.url for call in transport.calls)
    assert (first == again, first == other) == (True, False)


def test_a_batch_is_handed_out_when_it_has_changed() -> None:
    api, _, _ = client(batch(0), batch(0), batch(1), batch(2))
    assert [seen.progress for seen in api.watch_batch("b")] == [0, 0.5, 1]


def test_a_batch_that_goes_on_is_given_up_at_the_deadline() -> None:
    api, _, _ = client(*[batch(0)] * 9)
    with pytest.raises(darkroom.DeadlinePassed, match="batch b is still active after 3 s"):
        list(api.watch_batch("b", timeout_seconds=3))


def test_a_batch_is_watched_through_an_outage_but_not_for_ever() -> None:
    api, _, _ = client(batch(0), LOST, LOST, LOST, LOST, LOST, batch(2))
    assert [seen.progress for seen in api.watch_batch("b")] == [0, 1]
    api, _, clock = client(batch(0), LOST)
    with pytest.raises(darkroom.Unavailable):
        list(api.watch_batch("b"))
    assert clock.seconds >= OUTAGE_SECONDS
    api, transport, _ = client(NoReply("connection refused", may_pass=False))
    with pytest.raises(darkroom.Unavailable):
        list(api.watch_batch("b"))
    assert len(transport.calls) == 1, "an API that has never answered is no outage"


def test_the_other_calls() -> None:
    page = {"batches": [json.loads(batch(0).body)], "next": "1/b"}
    api, transport, _ = client(
        batch(1), batch(1), batch(0, id="b-r1"), answer(page), answer({"batches": [], "next": None})
    )
    assert api.get_batch("b").progress == 0.5
    assert not api.cancel_batch("b").is_final
    assert api.retry_batch("b").id == "b-r1"
    assert [each.id for each in api.list_batches()] == ["b"]
    paths = [f"{call.method} {call.url.partition('/v1alpha2')[2]}" for call in transport.calls]
    assert paths == [
        "GET /batches/b",
        "DELETE /batches/b",
        "POST /batches/b/retry",
        "GET /batches?",
        "GET /batches?next=1%2Fb",
    ]


def test_the_tasks_of_a_batch_are_read_page_by_page() -> None:
    pages = [
        answer({"tasks": [{"number": number, "id": f"b-{number}", "state": "failed"}], "next": following})
        for number, following in ((1, "1"), (3, None))
    ]
    api, transport, _ = client(*pages)
    found = list(api.list_batch_tasks("b", "failed"))
    assert [(task.number, task.id, task.state) for task in found] == [(1, "b-1", "failed"), (3, "b-3", "failed")]
    assert [call.url.partition("/v1alpha2")[2] for call in transport.calls] == [
        "/batches/b/tasks?state=failed",
        "/batches/b/tasks?state=failed&next=1",
    ]


def test_the_client_for_asyncio_watches_batches_too() -> None:
    async def seen() -> list[float]:
        api = darkroom.AsyncClient("https://api.example", "key", transport=FakeTransport(batch(2)))
        return [state.progress async for state in api.watch_batch("b")]

    assert asyncio.run(seen()) == [1]
