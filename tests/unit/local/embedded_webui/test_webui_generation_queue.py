import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.embedded_webui.generation_queue import GenerationQueue

PATIENCE_SECONDS = 10


class Turns:
    """Workers that take the queue one after the other and write down their number."""

    def __init__(self, queue: GenerationQueue) -> None:
        self.queue = queue
        self.order: list[int] = []
        self.inside = 0

    def take(self, number: int) -> None:
        with self.queue:
            self.inside += 1
            assert self.inside == 1
            self.order.append(number)
            self.inside -= 1

    def waiting(self) -> int:
        return len(self.queue._waiting)


def test_who_waits_longest_is_next() -> None:
    turns = Turns(GenerationQueue())
    with ThreadPoolExecutor(max_workers=8) as pool:
        with turns.queue:
            for number in range(8):
                pool.submit(turns.take, number)
                deadline = time.monotonic() + PATIENCE_SECONDS
                while turns.waiting() <= number:
                    assert time.monotonic() < deadline
        pool.shutdown()
    assert turns.order == list(range(8))


def test_it_is_free_again_after_a_failure() -> None:
    queue = GenerationQueue()
    with pytest.raises(ZeroDivisionError), queue:
        raise ZeroDivisionError
    taken = threading.Event()

    def take() -> None:
        with queue:
            taken.set()

    threading.Thread(target=take).start()
    assert taken.wait(PATIENCE_SECONDS)
