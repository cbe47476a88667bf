"""The judge of the soak must see every broken promise: a soak that cannot fail proves nothing."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pytest

from benchmarks.verdict import COMFYUI_CRASH, STORING_SECONDS, WEBUI_CRASH, Disturbance, Verdict, judge
from contract.callback import callback_for
from contract.record import Record, Status
from stub_webui.journal import JournaledGeneration
from tests.harness.records import make_record

IMAGE, OUTPUT = "s3://outputs/a-0001.png", "s3://outputs/a.out"


def record(status: Status = Status.COMPLETED) -> Record:
    is_completed = status is Status.COMPLETED
    return make_record(
        run_id="0001",
        status=status,
        image_urls=(IMAGE,) if is_completed else (),
        output_url=OUTPUT if is_completed else None,
    )


def judged(
    *,
    records: Sequence[Record] = (record(),),
    callbacks: Sequence[Mapping[str, Any]] = (callback_for(record()),),
    stored: Mapping[str, str] = MappingProxyType({IMAGE: "a", OUTPUT: ""}),
    generations: Mapping[int, Sequence[JournaledGeneration]] | None = None,
    disturbances: Sequence[Disturbance] = (),
) -> Verdict:
    return judge(
        ["a"],
        records=records,
        callbacks=callbacks,
        stored=stored,
        generations={0: [JournaledGeneration("a", 0.0, 0.0, 1.0, 1.1)]} if generations is None else generations,
        disturbances=disturbances,
    )


def test_a_task_that_ended_once_is_good() -> None:
    verdict = judged(callbacks=[callback_for(record())] * 2)

    assert verdict.is_good
    assert verdict.statuses == {"COMPLETED": 1}
    assert (verdict.generations, verdict.repeated) == (1, 0)


def test_sees_what_is_lost_or_left_unanswered() -> None:
    assert judged(records=()).unfinished == ["a"]
    assert judged(records=(record(Status.IN_PROGRESS),)).unfinished == ["a"]
    assert judged(callbacks=()).without_callback == ["a"]
    assert judged(stored={OUTPUT: ""}).missing_objects == [IMAGE]


def test_sees_an_image_of_another_task() -> None:
    verdict = judged(stored={IMAGE: "b", OUTPUT: ""})
    assert verdict.foreign_images == [IMAGE]
    assert not verdict.is_good


def test_sees_what_contradicts() -> None:
    failed = callback_for(record(Status.FAILED))

    assert judged(callbacks=[callback_for(record()), failed]).with_different_callbacks == ["a"]
    assert judged(callbacks=[failed]).contradicted_by_callback == ["a"]


@pytest.mark.parametrize(
    ("code", "others", "is_good"),
    [
        ("internal_error", 99, False),
        ("delivery_failed", 99, True),
        # One of nineteen is too many to be chance.
        ("delivery_failed", 18, False),
        ("delivery_failed", 0, False),
    ],
)
def test_a_failed_task_needs_a_reason(code: str, others: int, *, is_good: bool) -> None:
    failed = record(Status.FAILED).model_copy(update={"error": {"code": code, "message": "no"}})
    stored = {f"s3://outputs/whole-{number}-0001.png": f"whole-{number}" for number in range(others)}
    whole = [record().model_copy(update={"id": name, "image_urls": (uri,)}) for uri, name in stored.items()]
    records = [failed, *whole]

    verdict = judge(
        [record.id for record in records],
        records=records,
        callbacks=[callback_for(record) for record in records],
        stored=stored | {OUTPUT: ""},
        generations={},
        disturbances=(),
    )

    assert verdict.is_good is is_good
    assert (verdict.failed_by_disturbances if is_good else verdict.failed) == ["a"]


def test_a_second_generation_needs_a_reason() -> None:
    first, second = JournaledGeneration("a", 0.0, 0.0, 1.0, 1.1), JournaledGeneration("a", 30.0, 30.0, 31.0, 31.1)

    def verdict(first: JournaledGeneration, *disturbances: Disturbance) -> Verdict:
        return judged(generations={0: [first], 1: [second]}, disturbances=disturbances)

    assert verdict(first).doubled == ["a"]
    assert verdict(first, Disturbance(1, 0.5, "SIGKILL")).doubled == ["a"]
    assert verdict(first, Disturbance(0, 2 + STORING_SECONDS, "SIGKILL")).doubled == ["a"]
    # A stopped agent finishes its running tasks; a crashed Web UI has given its answer before.
    assert verdict(first, Disturbance(0, 0.5, "SIGTERM")).doubled == ["a"]
    assert verdict(first, Disturbance(0, 2.0, WEBUI_CRASH)).doubled == ["a"]
    assert verdict(first, Disturbance(0, 0.5, "second SIGTERM")).repeated == 1
    assert verdict(first, Disturbance(0, 0.5, WEBUI_CRASH)).repeated == 1
    assert verdict(first, Disturbance(0, 2.0, "SIGKILL")).repeated == 1
    # The result of a workflow is read when it has ended.
    assert verdict(first, Disturbance(0, 2.0, COMFYUI_CRASH)).repeated == 1
    assert verdict(first, Disturbance(0, 0.5, "SIGKILL")).repeated == 1
    assert verdict(JournaledGeneration("a", 0.0), Disturbance(0, 20.0, "SIGKILL")).is_good
