"""Some jobs at a time, and what came of each."""

import threading

import pytest

from runtime_image.process.threads import in_parallel


def test_outcomes_are_in_the_order_of_the_jobs_whatever_fails() -> None:
    problem = ValueError("no")

    def fails() -> int:
        raise problem

    assert in_parallel([lambda: 1, fails, lambda: 3], threads=2, name="test") == [1, problem, 3]
    assert in_parallel([], threads=4, name="test") == []


def test_a_job_that_hangs_cannot_keep_the_program_from_its_end() -> None:
    caller, together = threading.current_thread(), threading.Barrier(2, timeout=30)

    def ends_with_the_program() -> bool:
        together.wait()
        return threading.current_thread() is caller or threading.current_thread().daemon

    assert in_parallel([ends_with_the_program] * 2, threads=2, name="test") == [True, True]


@pytest.mark.parametrize(("threads", "at_a_time"), [(1, 1), (3, 3), (9, 4)])
def test_so_many_jobs_run_at_a_time(threads: int, at_a_time: int) -> None:
    together = threading.Barrier(at_a_time, timeout=30)

    outcomes = in_parallel([together.wait] * at_a_time, threads=threads, name="test")

    # The barrier breaks unless all came to it at the same time.
    assert sorted(map(str, outcomes)) == [str(number) for number in range(at_a_time)]
