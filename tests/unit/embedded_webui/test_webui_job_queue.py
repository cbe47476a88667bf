import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from embedded_webui.generation.job_queue import JobQueue

PATIENCE_SECONDS = 10


def test_who_waits_longest_is_next_and_only_one_works() -> None:
    queue = JobQueue()
    order: list[int] = []
    threads: set[int] = set()
    may_end = threading.Event()

    def job(number: int) -> None:
        assert may_end.wait(PATIENCE_SECONDS)
        order.append(number)
        threads.add(threading.get_ident())

    with ThreadPoolExecutor(max_workers=8) as pool:
        futures = []
        for number in range(8):
            futures.append(pool.submit(queue.run, lambda number=number: job(number)))
            deadline = time.monotonic() + PATIENCE_SECONDS
            # The first job has left the queue and waits to be let go.
            while queue._jobs.qsize() < number:
                assert time.monotonic() < deadline
        may_end.set()
        for future in futures:
            future.result(PATIENCE_SECONDS)
    assert order == list(range(8))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_a_failure_is_raised_where_the_job_was_given_and_harms_no_other() -> None:
    queue = JobQueue()
    with pytest.raises(ZeroDivisionError):
        queue.run(lambda: 1 / 0)
    assert queue.run(lambda: "next") == "next"
