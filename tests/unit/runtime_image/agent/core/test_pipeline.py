"""Order of the stages: a new stage needs no other code, and a task without an engine's call skips the engine."""

from runtime_image.agent.core.claimed_task import TaskPhase
from runtime_image.agent.core.claimed_tasks import Pipeline
from tests.unit.runtime_image.agent.fakes import FakePools
from tests.unit.runtime_image.agent.tasks import held_task

STAGES = ["prepare", "generate", "moderate", "store"]


def pipeline(pools: FakePools) -> Pipeline:
    """Return a pipeline with one stage more than the agent's."""
    return Pipeline(STAGES, engine_stage="generate", entrances={}, pools=pools)


def test_a_task_passes_every_stage_in_order() -> None:
    pools, task = FakePools(), held_task()
    stages = pipeline(pools)

    stages.begin(task)
    for _ in STAGES[1:]:
        stages.advance(task)

    assert pools.pop_jobs() == [(name, task) for name in STAGES]


def test_a_task_that_was_carried_out_skips_the_engine() -> None:
    pools, task = FakePools(), held_task()
    stages = pipeline(pools)
    stages.begin(task)
    task.is_carried_out = True

    stages.advance(task)

    assert (task.stage, task.phase) == ("moderate", TaskPhase.GENERATED)
