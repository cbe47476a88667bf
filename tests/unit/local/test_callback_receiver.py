import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from local.callback_receiver import CallbackReceiver


def test_callbacks_are_kept_and_shown(tmp_path: Path) -> None:
    file = tmp_path / "callbacks.jsonl"

    async def scenario() -> list[Any]:
        transport = httpx.ASGITransport(CallbackReceiver(file=file).application)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            for notification in (
                {"Type": "SubscriptionConfirmation", "Message": "please"},
                {"Type": "Notification", "Message": json.dumps({"id": "a"})},
                {"Type": "Notification", "Message": json.dumps({"id": "b"})},
            ):
                answer = await client.post(
                    "/notifications", content=json.dumps(notification), headers={"content-type": "text/plain"}
                )
                assert answer.status_code == 200
            paths = ("/callbacks", "/callbacks?after=1", "/callbacks?after=2", "/callbacks?after=x")
            return [await client.get(path) for path in paths]

    everything, later, nothing, wrong = asyncio.run(scenario())
    assert everything.json() == {"callbacks": [{"id": "a"}, {"id": "b"}], "next": 2}
    assert later.json() == {"callbacks": [{"id": "b"}], "next": 2}
    assert nothing.json() == {"callbacks": [], "next": 2}
    assert wrong.status_code == 400
    assert [json.loads(line) for line in file.read_text().splitlines()] == [{"id": "a"}, {"id": "b"}]


def test_half_a_surrogate_pair_in_the_context_does_not_break_the_page(tmp_path: Path) -> None:
    callback = {"id": "a", "context": "half \ud800 a pair"}

    async def scenario() -> httpx.Response:
        transport = httpx.ASGITransport(CallbackReceiver(file=tmp_path / "callbacks.jsonl").application)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            notification = {"Type": "Notification", "Message": json.dumps(callback)}
            await client.post("/notifications", content=json.dumps(notification))
            return await client.get("/callbacks")

    assert json.loads(asyncio.run(scenario()).text) == {"callbacks": [callback], "next": 1}
