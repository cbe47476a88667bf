"""What the agent is compared with: requests sent to the Web UI by hand, a fixed number in flight, nothing else done."""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

_TIMEOUT_SECONDS = 120.0


def run_bare_loop(address: str, *, path: str, content: Mapping[str, Any], in_flight: int, tasks: int) -> None:
    """Send `tasks` requests to `address` (host:port), `in_flight` at a time, and read every answer."""
    numbers = iter(range(tasks))
    lock = threading.Lock()
    errors: list[Exception] = []

    def work() -> None:
        try:
            for number in _shared(numbers, lock):
                _send(address, path, {**content, "prompt": f"bare-{in_flight}-{number}"})
        except Exception as error:  # noqa: BLE001 - handed over to the caller's thread
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(in_flight)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _shared(numbers: Iterator[int], lock: threading.Lock) -> Iterator[int]:
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            return
        yield number


def _send(address: str, path: str, content: Mapping[str, Any]) -> None:
    connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_SECONDS)
    connection.request("POST", path, json.dumps(content), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != http.client.OK:
        raise RuntimeError(f"the stand-in Web UI answered {answer.status}")
