"""Faults of a simulation: AWS does not answer, a process dies, and other actors make steps while one waits for AWS."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import EndpointConnectionError

from tests.simulation.world import Trace

#: Values of a write that the trace shows.
_SHOWN = (":set_status", ":set_lease_owner", ":owner", ":add_attempts", ":run")
#: Actors that may be in a step at a time.
MAX_ACTIVE = 3


class Killed(BaseException):
    """The death of a process in the middle of a step, which no handler of errors may survive."""


@dataclass(kw_only=True)
class Faults:
    """Faults before and after each call. `others_step` lets another actor make a step. The rates are per call."""

    draw: random.Random
    trace: Trace
    others_step: Callable[[], None]
    error_rate: float = 0.0
    kill_rate: float = 0.0
    overlap_rate: float = 0.0

    @contextmanager
    def around(self, call: str) -> Iterator[None]:
        """Surround a call with faults; a fault after it loses the answer of a call that was carried out."""
        self._before(call)
        yield
        self.trace.add(call)
        self._strike(f"after {call}")

    @contextmanager
    def around_calls_of(self, *clients: Any) -> Iterator[None]:
        """Surround every call of these boto3 clients with faults."""

        def before(*, model: Any, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
            context["call"] = f"{model.name} {_described(params)}"
            self._before(context["call"])

        def after(*, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
            refusal = parsed.get("Error", {}).get("Code", "")
            self.trace.add(f"{context['call']} {refusal}")
            self._strike(f"after {context['call']}")

        handlers = (("before-call", before), ("after-call", after))
        for client in clients:
            for event, handler in handlers:
                client.meta.events.register(event, handler)
        try:
            yield
        finally:
            for client in clients:
                for event, handler in handlers:
                    client.meta.events.unregister(event, handler)

    def _before(self, call: str) -> None:
        if len(self.trace.active) in range(1, MAX_ACTIVE) and self.draw.random() < self.overlap_rate:
            self.others_step()
        self._strike(f"before {call}")

    def _strike(self, moment: str) -> None:
        drawn = self.draw.random() if self.trace.active else 1.0
        if drawn < self.kill_rate:
            self.trace.add(f"KILLED {moment}")
            raise Killed
        if drawn < self.kill_rate + self.error_rate:
            self.trace.add(f"NO ANSWER {moment}")
            raise EndpointConnectionError(endpoint_url=moment)


def _described(params: dict[str, Any]) -> str:
    """Return what a call of DynamoDB or S3 is about."""
    if "X-Amz-Target" not in params["headers"]:
        return str(params["url_path"])
    body = json.loads(params["body"])
    key = (body.get("Key") or body.get("Item") or {}).get("id", {}).get("S", "")
    values = body.get("ExpressionAttributeValues", {})
    return " ".join([key, *(f"{name[1:]}={next(iter(values[name].values()))}" for name in _SHOWN if name in values)])
