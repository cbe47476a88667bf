from hypothesis import given
from hypothesis import strategies as st

from runtime_image.agent.core.claimed_task import ClaimedTask
from runtime_image.agent.generate.ready_queue import MAX_OVERTAKEN, ReadyQueue
from tests.unit.runtime_image.agent.tasks import held_task

MODELS = st.sampled_from("abc")


def order_of(prefetcher: list[tuple[str, int]]) -> tuple[list[ClaimedTask], list[ClaimedTask], int]:
    """Return tasks as they arrived, as they had their turns, and the switches; each arrival follows some turns."""
    ready_queue, arrived, served, switches = ReadyQueue(), list[ClaimedTask](), list[ClaimedTask](), 0
    loaded = ""
    model_of: dict[ClaimedTask, str] = {}

    def serve() -> None:
        nonlocal loaded, switches
        task = ready_queue.next(lambda task: model_of[task] == loaded)
        switches += model_of[task] != loaded
        loaded = model_of[task]
        ready_queue.begin(task)
        served.append(task)

    for model, turns_before in prefetcher:
        for _ in range(turns_before):
            if ready_queue:
                serve()
        task = held_task(f"{len(arrived)}")
        model_of[task] = model
        arrived.append(task)
        ready_queue.add(task)
    while ready_queue:
        serve()
    return arrived, served, switches


@given(st.lists(st.tuples(MODELS, st.integers(0, 3)), max_size=60))
def test_every_task_has_its_turn_and_is_overtaken_a_bounded_number_of_times(prefetcher: list[tuple[str, int]]) -> None:
    arrived, served, _ = order_of(prefetcher)
    assert len(served) == len(arrived)
    assert set(served) == set(arrived)
    turn = {task: number for number, task in enumerate(served)}
    for number, task in enumerate(arrived):
        overtaking = sum(turn[later] < turn[task] for later in arrived[number + 1 :])
        assert overtaking == task.overtaken <= MAX_OVERTAKEN


@given(st.lists(MODELS, max_size=40))
def test_tasks_of_one_model_keep_their_order(models: list[str]) -> None:
    arrived, served, _ = order_of([(model, 0) for model in models])
    for model in "abc":
        own = [task for task, its in zip(arrived, models, strict=True) if its == model]
        assert [task for task in served if task in own] == own


def test_alternating_models_are_switched_between_once_while_that_is_allowed() -> None:
    _, _, switches = order_of([("ab"[number % 2], 0) for number in range(2 * MAX_OVERTAKEN)])
    assert switches == 2


def test_a_task_that_had_its_turn_goes_first_and_one_that_left_goes_never() -> None:
    ready_queue, first, second, third = ReadyQueue(), held_task("1"), held_task("2"), held_task("3")
    for task in (first, second):
        ready_queue.add(task)
    ready_queue.add(third, first=True)
    ready_queue.remove(first)
    ready_queue.remove(first)
    assert ready_queue.next(lambda task: False) is third
    ready_queue.begin(third)
    assert ready_queue.next(lambda task: False) is second
    assert second in ready_queue
    assert third not in ready_queue
