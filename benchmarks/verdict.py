"""Whether a system that was disturbed on purpose has kept its promises: nothing lost, doubled or left unanswered."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from benchmarks.journal import Generation
from contract.record import Record, Status

#: Seconds after an answer within which its result may still be lost with its agent: AWS fails now and then, so
#: storing takes its time.
STORING_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Disturbance:
    """An agent was killed, told to stop, or gave up, or its Web UI crashed; at a monotonic second."""

    replica: int
    at: float
    kind: str


@dataclass(frozen=True)
class Verdict:
    """What was found; all lists are empty if every promise was kept."""

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
    #: Tasks generated again although nothing had happened to the first generation.
    doubled: list[str]

    @property
    def is_good(self) -> bool:
        """Tell whether every promise was kept."""
        broken = (self.unfinished, self.without_callback, self.with_different_callbacks, self.contradicted_by_callback)
        return not any((*broken, self.missing_objects, self.doubled))


def judge(
    task_ids: Iterable[str],
    *,
    records: Iterable[Record],
    callbacks: Iterable[Mapping[str, Any]],
    stored: set[str],
    generations: Mapping[int, Sequence[Generation]],
    disturbances: Sequence[Disturbance],
) -> Verdict:
    """Compare what was asked for with what came of it; `generations` are those of each replica."""
    by_id = {record.id: record for record in records}
    heard: dict[str, set[str]] = defaultdict(set)
    for callback in callbacks:
        heard[callback["id"]].add(json.dumps(callback, sort_keys=True))
    ids = sorted(task_ids)
    final = {task_id: by_id[task_id] for task_id in ids if task_id in by_id and by_id[task_id].is_final}
    repeats = _repeats(generations, disturbances)
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
        doubled=sorted({prompt for prompt, is_explained in repeats if not is_explained}),
    )


def _repeats(
    generations: Mapping[int, Sequence[Generation]], disturbances: Sequence[Disturbance]
) -> list[tuple[str, bool]]:
    """Return the prompt of each generation that was followed by another, and whether a disturbance explains that."""
    by_prompt: dict[str, list[tuple[float, int, Generation]]] = defaultdict(list)
    for replica, of_replica in generations.items():
        for generation in of_replica:
            by_prompt[generation.prompt].append((generation.arrived, replica, generation))
    repeats = []
    for prompt, entries in by_prompt.items():
        ordered = sorted(entries, key=lambda entry: entry[0])
        for (arrived, replica, generation), (next_arrived, _, _) in pairwise(ordered):
            until = next_arrived
            if generation.answered is not None:
                until = min(until, generation.answered + STORING_SECONDS)
            explained = any(
                disturbance.replica == replica and arrived <= disturbance.at <= until for disturbance in disturbances
            )
            repeats.append((prompt, explained))
    return repeats
