"""Python client through the real gateway: both clients, their errors, and submissions whose answers are lost."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

import darkroom
from darkroom.http_exchange import HttpCall, HttpReply, NoReply, UrllibTransport
from tests.harness.local_system import SLOW, System

# One local system serves all end-to-end tests, so they run in one process.
pytestmark = [pytest.mark.xdist_group("local_system")]

SMALL: Final[dict[str, object]] = {"width": 64, "height": 64, "steps": 1}
#: Seconds in which a task of the shared system ends, also on a busy machine.
WAIT_SECONDS = 120.0


@pytest.fixture
def client(system: System) -> darkroom.Client:
    return darkroom.Client.local(system.state_directory)


class UnluckyTransport:
    """Sends the first call and loses its answer, or does not send it and answers in the gateway's place."""

    def __init__(self, fault: HttpReply | NoReply) -> None:
        self._fault: HttpReply | NoReply | None = fault
        self._transport = UrllibTransport(timeout_seconds=WAIT_SECONDS)
        self.calls: list[HttpCall] = []

    def send(self, call: HttpCall) -> HttpReply | NoReply:
        self.calls.append(call)
        fault, self._fault = self._fault, None
        if fault is None:
            return self._transport.send(call)
        if isinstance(fault, NoReply):
            answer = self._transport.send(call)
            assert isinstance(answer, HttpReply)
            assert answer.is_success
        return fault


def unlucky(
    system: System, fault: HttpReply | NoReply, pause: Callable[[float], None]
) -> tuple[darkroom.Client, UnluckyTransport]:
    transport = UnluckyTransport(fault)
    endpoints = system.endpoints
    return darkroom.Client(endpoints["http_url"], endpoints["api_key"], transport=transport, sleep=pause), transport


def test_a_picture_is_made_of_an_uploaded_one(client: darkroom.Client, system: System, tmp_path: Path) -> None:
    accepted = client.submit(
        "A cat", init_images=[system.object(system.s3_link)], context={"order": 7}, id="by-client", content=SMALL
    )
    task = client.wait(accepted, timeout_seconds=WAIT_SECONDS).raise_for_status()
    assert (task.id, task.task_type, task.context) == ("by-client", "image-to-image", {"order": 7})
    (picture,) = client.pictures(task)
    assert picture.image().size == (64, 64)
    with pytest.raises(darkroom.TaskConflict, match="task_finished"):
        client.cancel(task)
    assert sorted(path.suffix for path in client.save(task, tmp_path)) == [".out", ".png"]


def test_progress_is_shown_until_the_task_is_cancelled(client: darkroom.Client) -> None:
    seen = []
    for state in client.watch(client.submit(content=SLOW), timeout_seconds=WAIT_SECONDS):
        seen.append(state)
        if state.sampling and 0 < state.progress < 1:
            # The end may come between the reading and the cancel.
            with contextlib.suppress(darkroom.TaskConflict):
                client.cancel(state)
    assert [state.status for state in seen][-2:] == ["IN_PROGRESS", "CANCELLED"]
    with pytest.raises(darkroom.TaskNotCompleted):
        seen[-1].raise_for_status()
    assert client.cancel(seen[-1]).status == "CANCELLED"


@pytest.mark.slow
def test_a_failed_task_runs_again(client: darkroom.Client, system: System) -> None:
    accepted = client.submit("A dog", sampler_name="No such sampler", content=SMALL)
    runs = [client.wait(accepted, timeout_seconds=WAIT_SECONDS)]
    runs.append(client.wait(client.retry(runs[0]), timeout_seconds=WAIT_SECONDS))
    asyncio.run(darkroom.AsyncClient.local(system.state_directory).retry(accepted))
    runs.append(client.wait(accepted, timeout_seconds=WAIT_SECONDS))
    assert [(run.id, run.status) for run in runs] == [(accepted.id, "FAILED")] * 3
    assert runs[0].submitted_at < runs[1].submitted_at < runs[2].submitted_at


def test_a_listing_has_all_pages(client: darkroom.Client) -> None:
    submitted = [client.submit("A dog", content=SMALL).id for _ in range(3)]
    found = []
    for task in client.list(runtime="sdruntime", limit=1):
        found.append(task.id)
        if set(submitted) <= set(found):
            break
    assert [task_id for task_id in found if task_id in submitted] == submitted[::-1]


def test_refusals_name_what_is_wrong(client: darkroom.Client, system: System) -> None:
    with pytest.raises(darkroom.RequestRefused) as refused:
        client.submit("A dog", id="../escape", width=99_999)
    error = refused.value
    assert {broken.field for broken in error.fields} == {"task.metadata.id", "task.content.width"}
    assert (error.status, bool(error.request_id)) == (400, True)
    with pytest.raises(darkroom.NoSuchTask):
        client.get("no-such-task")
    with pytest.raises(darkroom.KeyNotAccepted):
        next(darkroom.Client(system.endpoints["http_url"], "wrong").list())


def test_a_submission_whose_answer_is_lost_makes_one_task(client: darkroom.Client, system: System) -> None:
    task: list[darkroom.TaskSnapshot] = []

    def until_the_end(_: float) -> None:
        # The first request has reached the system, and its task has ended before the second one.
        task.append(client.wait("lost-answer", timeout_seconds=WAIT_SECONDS))

    impatient, transport = unlucky(system, NoReply("timed out", may_pass=True), until_the_end)
    impatient.submit("A dog", id="lost-answer", content=SMALL)
    assert [call.method for call in transport.calls] == ["POST", "POST"]
    assert client.get("lost-answer").submitted_at == task[0].submitted_at
    system.callback(id="lost-answer")
    assert client.submit("A dog", id="lost-answer", content=SMALL).id == "lost-answer"
    assert client.wait("lost-answer", timeout_seconds=WAIT_SECONDS).submitted_at > task[0].submitted_at


def test_a_throttled_request_is_sent_again_when_it_may_be(system: System) -> None:
    pauses: list[float] = []
    throttled = HttpReply(429, {"retry-after": "3"}, b'{"error": {"code": "throttled", "message": "m"}}')
    patient, transport = unlucky(system, throttled, pauses.append)
    assert len(patient.page(limit=1).tasks) <= 1
    assert (pauses, len(transport.calls)) == ([3], 2)


def test_the_client_for_asyncio_makes_pictures_at_once(system: System) -> None:
    client = darkroom.AsyncClient.local(system.state_directory)

    async def journey() -> list[bytes]:
        accepted = await asyncio.gather(*(client.submit("A dog", seed=seed, content=SMALL) for seed in range(3)))
        ended = [task async for task in client.watch(*accepted, timeout_seconds=WAIT_SECONDS) if task.is_final]
        assert {task.status for task in ended} == {"COMPLETED"}
        fetched = await asyncio.gather(*map(client.pictures, ended))
        with pytest.raises(darkroom.NoSuchTask):
            await client.cancel("no-such-task")
        assert (await client.wait(accepted[0])).is_completed
        listed = [task.id async for task in client.list(limit=100)]
        assert {task.id for task in accepted} <= set(listed)
        return [picture.data for pictures in fetched for picture in pictures]

    assert len({data[:8] for data in asyncio.run(journey())}) == 1
