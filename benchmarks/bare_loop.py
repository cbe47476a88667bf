"""Baseline of the agent: a loop that only sends requests to the Web UI, a fixed number in flight."""

import argparse
import base64
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from stub_webui.png_images import noisy_png

_TIMEOUT_SECONDS = 120.0


def bare_request(options: argparse.Namespace) -> dict[str, Any]:
    """Return a request as a Web UI receives it, for the options of a benchmark."""
    content: dict[str, Any] = {"batch_size": options.pictures_per_task}
    if options.kind == "img2img":
        picture = noisy_png(side_pixels=options.picture_side, kilobytes=options.picture_kb)
        content["init_images"] = [base64.b64encode(picture).decode()]
    return content


def run_bare_loop(address: str, *, path: str, content: Mapping[str, Any], in_flight: int, tasks: int) -> list[float]:
    """Send `tasks` requests to `address` (host:port), `in_flight` at a time; return when each was answered.

    These are monotonic seconds, of answers that were read to their end.
    """
    numbers = iter(range(tasks))
    lock = threading.Lock()
    errors: list[Exception] = []
    ends: list[float] = []

    def work() -> None:
        try:
            for number in _shared(numbers, lock):
                send_request(address, path, {**content, "prompt": f"bare-{in_flight}-{number}"})
                ends.append(time.monotonic())
        except Exception as error:  # noqa: BLE001 - handed over to the caller's thread
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(in_flight)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return ends


def _shared(numbers: Iterator[int], lock: threading.Lock) -> Iterator[int]:
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            return
        yield number


def send_request(address: str, path: str, content: Mapping[str, Any]) -> bytes:
    """Send one request on a new connection; return the answer."""
    connection = http.client.HTTPConnection(address, timeout=_TIMEOUT_SECONDS)
    connection.request("POST", path, json.dumps(content), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != http.client.OK:
        raise RuntimeError(f"the Web UI answered {answer.status}")
    return body
