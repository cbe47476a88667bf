"""Feed of ComfyUI's messages: a broken connection is opened again, and every prompt is asked about then."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.sync.server import ServerConnection, serve

from contract.pipeline.node_list import core_nodes
from runtime_image.comfyui.message_feed import MessageFeed
from runtime_image.comfyui.prompt import Prompt
from runtime_image.process.clock import Clock
from runtime_image.process.logs import EventLog
from tests.harness.ending_clock import EndingClock, ThreadEnded
from tests.harness.eventually import eventually

SECONDS = 60.0
GRAPH: dict[str, Any] = {
    "load": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
    "save": {"class_type": "SaveImage", "inputs": {"images": ["load", 0], "filename_prefix": "x"}},
    "alone": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
}


def new_prompt(prompt_id: str = "a") -> Prompt:
    return Prompt(prompt_id=prompt_id, call=object(), graph=GRAPH, nodes=core_nodes())


@dataclass
class FakeComfyUi:
    """A websocket that keeps its connections, and what its clients have sent."""

    connections: list[ServerConnection] = field(default_factory=list)
    received: list[Any] = field(default_factory=list)

    def accept(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.received.extend(json.loads(message) for message in connection)


@contextmanager
def feeding() -> Iterator[tuple[FakeComfyUi, MessageFeed]]:
    comfyui, clock = FakeComfyUi(), EndingClock()
    with serve(comfyui.accept, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        feed = MessageFeed(base_url=f"http://127.0.0.1:{port}", clock=clock, log=EventLog(logging.getLogger("test")))

        def run() -> None:
            with suppress(ThreadEnded):
                feed.run()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield comfyui, feed
        finally:
            # A feed that goes on would connect to whichever server gets the port next.
            clock.has_ended.set()
            while thread.is_alive():
                for connection in comfyui.connections.copy():
                    connection.close()
                thread.join(0.1)


def test_a_broken_connection_is_opened_again_and_every_prompt_is_asked_about() -> None:
    with feeding() as (comfyui, feed):
        eventually(lambda: comfyui.received, "the client's features", SECONDS)
        prompt = new_prompt()
        feed.add(prompt)

        comfyui.connections[0].close()
        assert prompt.news.wait(SECONDS)
        eventually(lambda: len(comfyui.connections) > 1, "another connection", SECONDS)
        comfyui.connections[1].send(json.dumps({"type": "execution_start", "data": {"prompt_id": "a"}}))
        eventually(lambda: prompt.has_begun, "the message of the new connection", SECONDS)
    assert comfyui.received[0]["data"] == {"supports_preview_metadata": True}


def a_feed() -> MessageFeed:
    return MessageFeed(base_url="http://127.0.0.1", clock=Clock(), log=EventLog(logging.getLogger("test")))


def send(feed: MessageFeed, kind: str, **data: Any) -> None:
    feed.receive(json.dumps({"type": kind, "data": {"prompt_id": "a", **data}}))


def test_progress_counts_the_nodes_that_outputs_need() -> None:
    feed, prompt = a_feed(), new_prompt()
    feed.add(prompt)
    assert feed.running() is None
    send(feed, "execution_start")
    assert feed.running() is prompt
    assert prompt.fraction() == 0
    send(feed, "executing", node="load")
    send(feed, "progress", node="load", value=1, max=4)
    assert (prompt.fraction(), prompt.is_stepping) == (1 / 8, True)
    assert prompt.sampling() == {
        "node": "load",
        "class_type": "EmptyImage",
        "nodes_done": 0,
        "nodes_total": 2,
        "sampling_step": 1,
        "sampling_steps": 4,
    }
    send(feed, "progress_state", nodes={"load": {"state": "finished"}, "save": {"state": "running"}})
    send(feed, "executing", node="save")
    assert (prompt.fraction(), prompt.is_stepping) == (1 / 2, False)
    send(feed, "execution_cached", nodes=["load"])
    assert prompt.fraction() == 0
    assert not prompt.news.is_set()
    send(feed, "executing", node=None)
    assert prompt.news.is_set()
    assert feed.running() is None


def test_a_preview_belongs_to_the_prompt_that_it_names() -> None:
    feed, running, other = a_feed(), new_prompt("a"), new_prompt("b")
    feed.add(running)
    feed.add(other)
    send(feed, "execution_start")
    metadata = json.dumps({"prompt_id": "b", "node_id": "3", "image_type": "image/jpeg"}).encode()
    feed.receive((4).to_bytes(4, "big") + len(metadata).to_bytes(4, "big") + metadata + b"named")
    feed.receive((1).to_bytes(4, "big") + (1).to_bytes(4, "big") + b"of the running one")
    assert (running.preview, other.preview) == (b"of the running one", b"named")


def test_a_message_that_is_not_understood_is_skipped() -> None:
    feed, prompt = a_feed(), new_prompt()
    feed.add(prompt)
    for message in ("{", "[]", "null", '{"type": "progress"}', b"", b"\0\0", b"\0\0\0\4\0\0\0\2{}"):
        feed.receive(message)
    send(feed, "progress", value="x", max=None)
    send(feed, "execution_start")
    for step in (float("inf"), float("nan"), -(10**400)):
        send(feed, "progress", value=step, max=2)
    send(feed, "progress_state", nodes=[1])
    send(feed, "of_another_version")
    assert prompt.fraction() == 0
