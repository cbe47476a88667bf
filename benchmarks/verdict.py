"""Verdict on a disturbed system: no task may be lost, doubled, left without a callback or given another's image."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from contract.record import Record, Status
from stub_webui.journal import JournaledGeneration

#: Seconds after an answer within which its result may still be lost with its agent: AWS fails now and then, so
#: storing is slow.
STORING_SECONDS: Final = 5.0
#: A crash of the engine loses its running generation, but no answered one.
WEBUI_CRASH: Final = "crash of the Web UI"
#: A ComfyUI has the results of the last prompts in memory until the agent has read them.
COMFYUI_CRASH: Final = "crash of ComfyUI"
#: After SIGTERM an agent that has time finishes its running tasks.
ORDERLY_STOP: Final = "SIGTERM"
#: Part of all tasks that may fail because each of their deliveries was disturbed; more of them have another cause.
MAX_FAILED_SHARE: Final = 0.05
_DELIVERIES_USED_UP: Final = "delivery_failed"


@dataclass(frozen=True)
class Disturbance:
    """Kill, stop or failure of an agent, or a crash of its Web UI, at a monotonic second."""

    replica: int
    at: float
    kind: str


@dataclass(frozen=True)
class Verdict:
    """Broken promises; all lists are empty if every promise was kept."""

    statuses: dict[str, int]
    disturbances: dict[str, int]
    generations: int
    #: Generations beyond the first of their task that a disturbance explains.
    repeated: int
    unfinished: list[str]
    without_callback: list[str]
    with_different_callbacks: list[str]
    contradicted_by_callback: list[str]
    missing_objects: list[str]
    #: Images that another task's prompt made.
    foreign_images: list[str]
    #: Tasks generated again although nothing had happened to the first generation.
    doubled: list[str]
    #: Tasks that did not become COMPLETED because each of their deliveries was disturbed.
    failed_by_disturbances: list[str]
    #: Tasks that did not become COMPLETED although that had not happened to them, or that are too many.
    failed: list[str]

    @property
    def is_good(self) -> bool:
        """Return True if every promise was kept."""
        broken = (self.unfinished, self.without_callback, self.with_different_callbacks, self.contradicted_by_callback)
        return not any((*broken, self.missing_objects, self.foreign_images, self.doubled, self.failed))


def judge(
    task_ids: Iterable[str],
    *,
    records: Iterable[Record],
    callbacks: Iterable[Mapping[str, Any]],
    stored: Mapping[str, str],
    generations: Mapping[int, Sequence[JournaledGeneration]],
    disturbances: Sequence[Disturbance],
) -> Verdict:
    """Compare the submitted tasks, whose prompts are their ids, with their outcomes.

    `stored` has the prompt of each image, and `generations` are those of each replica.
    """
    by_id = {record.id: record for record in records}
    heard: dict[str, set[str]] = defaultdict(set)
    for callback in callbacks:
        heard[callback["id"]].add(json.dumps(callback, sort_keys=True))
    ids = sorted(task_ids)
    final = {task_id: by_id[task_id] for task_id in ids if task_id in by_id and by_id[task_id].is_final}
    repeats = _repeats(generations, disturbances)
    doubled = sorted({prompt for prompt, is_explained in repeats if not is_explained})
    missed = [task_id for task_id, record in final.items() if record.status is not Status.COMPLETED]
    excused = [task_id for task_id in missed if task_id not in doubled and _used_up_its_deliveries(final[task_id])]
    if len(excused) > MAX_FAILED_SHARE * len(ids):
        excused = []
    return Verdict(
        statuses=dict(Counter(str(record.status) for record in final.values())),
        disturbances=dict(Counter(disturbance.kind for disturbance in disturbances)),
        generations=sum(len(of_replica) for of_replica in generations.values()),
        repeated=sum(is_explained for _, is_explained in repeats),
        unfinished=[task_id for task_id in ids if task_id not in final],
        without_callback=[task_id for task_id in ids if not heard[task_id]],
        with_different_callbacks=[task_id for task_id in ids if len(heard[task_id]) > 1],
        contradicted_by_callback=[
            task_id
            for task_id, record in final.items()
            if any(json.loads(text)["result"] != (record.status is Status.COMPLETED) for text in heard[task_id])
        ],
        missing_objects=[
            uri
            for record in final.values()
            if record.status is Status.COMPLETED
            for uri in (*record.image_urls, record.output_url or "")
            if uri not in stored
        ],
        foreign_images=[
            uri for record in final.values() for uri in record.image_urls if stored.get(uri, record.id) != record.id
        ],
        doubled=doubled,
        failed_by_disturbances=excused,
        failed=[task_id for task_id in missed if task_id not in excused],
    )


def _used_up_its_deliveries(record: Record) -> bool:
    return record.error is not None and record.error["code"] == _DELIVERIES_USED_UP


def _repeats(
    generations: Mapping[int, Sequence[JournaledGeneration]], disturbances: Sequence[Disturbance]
) -> list[tuple[str, bool]]:
    """Return the prompt of each generation that was followed by another, and whether a disturbance explains that."""
    by_prompt: dict[str, list[tuple[float, int, JournaledGeneration]]] = defaultdict(list)
    for replica, of_replica in generations.items():
        for generation in of_replica:
            by_prompt[generation.prompt].append((generation.arrived, replica, generation))
    repeats = []
    for prompt, entries in by_prompt.items():
        ordered = sorted(entries, key=lambda entry: entry[0])
        for (arrived, replica, generation), (next_arrived, _, _) in pairwise(ordered):
            explained = any(
                disturbance.replica == replica and arrived <= disturbance.at <= next_arrived
                for disturbance in disturbances
                if _may_lose(generation, disturbance)
            )
            repeats.append((prompt, explained))
    return repeats


def _may_lose(generation: JournaledGeneration, disturbance: Disturbance) -> bool:
    """Return True if a disturbance of its replica may lose a generation's result."""
    if disturbance.kind == ORDERLY_STOP:
        return False
    if generation.answered is None or disturbance.at <= generation.answered:
        return True
    return disturbance.kind != WEBUI_CRASH and disturbance.at <= generation.answered + STORING_SECONDS
