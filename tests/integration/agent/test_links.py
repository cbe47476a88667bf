"""Links in real tasks: from a web server that the environment allows, from S3, and what becomes of bad ones."""

import base64
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import ThreadingHTTPServer

import pytest

from benchmarks.agent_process import peak_rss_mb
from contract.record import Status
from contract.upload import MAX_LINK_BYTES
from stub_webui.png_images import plain_png
from tests.harness.serving import QuietHandler, serving
from tests.integration.agent.harness import Harness

PICTURE = plain_png("linked")


@contextmanager
def pictures(body: bytes, delay: threading.Event | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve one body on every path; give host and port, and the paths that were asked for."""
    paths: list[str] = []

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            if delay and self.path == "/slow":
                delay.wait(15)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"localhost:{server.server_port}", paths


def test_links_become_pictures_wherever_they_stand(harness: Harness) -> None:
    packed = gzip.compress(PICTURE)
    harness.s3.put_object(Bucket=harness.link_bucket, Key="ä b/mask.png", Body=packed, ContentEncoding="gzip")
    with pictures(PICTURE) as (host, paths):
        harness.start_agent(ALLOWED_LINK_HOSTS=f'["{host}"]')
        link = f"http://{host}/a.png"
        content = {
            "prompt": link,
            "steps": 1,
            "init_images": [link, link],
            "mask": f"s3://{harness.link_bucket}/ä b/mask.png",
            "alwayson_scripts": {"ControlNet": {"args": [{"image": link}]}},
        }
        harness.submit("linked", content, tasktype="image-to-image")
        harness.wait_for("linked", Status.COMPLETED)

    encoded = base64.b64encode(PICTURE).decode()
    body = harness.webui.runs[0].body
    assert body["prompt"] == link
    assert body["init_images"] == [encoded, encoded]
    assert body["mask"] == encoded
    assert body["alwayson_scripts"]["ControlNet"]["args"][0]["image"] == encoded
    assert paths == ["/a.png"]


@pytest.mark.parametrize(
    ("link", "code", "reason"),
    [
        ("http://{host}/page", "link_refused", "it is an HTML page; PNG, JPEG"),
        ("http://no-such-host.invalid/x", "link_unavailable", "cannot be resolved"),
        ("s3://{bucket}/missing.png", "link_unavailable", "NoSuchKey"),
        ("s3://elsewhere/x.png", "link_refused", "not allowed; configured: links-"),
        ("http://2130706433/x", "link_refused", "four decimal numbers"),
        ("http://user:password@example.com/x", "link_refused", "credentials"),
    ],
)
def test_a_bad_link_fails_its_task_with_field_and_reason(harness: Harness, link: str, code: str, reason: str) -> None:
    with pictures(b"<html></html>") as (host, _):
        harness.start_agent(ALLOWED_LINK_HOSTS=f'["{host}"]')
        url = link.format(host=host, bucket=harness.link_bucket)
        harness.submit("bad", {"init_images": [url]}, tasktype="image-to-image")
        error = harness.wait_for("bad", Status.FAILED).error

    assert error is not None
    assert error["code"] == code
    assert "task.content.init_images[0]" in error["message"]
    assert reason in error["message"]
    assert not harness.webui.runs
    harness.wait_until_queue_is_empty()


def test_a_slow_link_delays_its_own_task_only(harness: Harness) -> None:
    release = threading.Event()
    with pictures(PICTURE, release) as (host, _):
        harness.start_agent(ALLOWED_LINK_HOSTS=f'["{host}"]')
        harness.submit("warm-up")
        harness.wait_for("warm-up", Status.COMPLETED)
        harness.submit("slow", {"steps": 1, "init_images": [f"http://{host}/slow"]}, tasktype="image-to-image")
        for number in range(5):
            harness.submit(f"quick-{number}")
            harness.wait_for(f"quick-{number}", Status.COMPLETED)
        assert harness.read("slow").status is Status.IN_PROGRESS
        release.set()
        harness.wait_for("slow", Status.COMPLETED)


#: Bytes of the body that a link must not bring into memory.
LARGE_BYTES = 200 * 10**6
#: Millions of bytes that one link may bring.
LIMIT_MB = MAX_LINK_BYTES / 10**6


@contextmanager
def large_body(*, says_its_length: bool) -> Iterator[tuple[str, list[int]]]:
    """Serve 200 MB on every path, a piece at a time; give host and port, and the number of bytes that were read."""
    taken = [0]

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if says_its_length:
                self.send_header("Content-Length", str(LARGE_BYTES))
            self.end_headers()
            piece = bytes(10**6)
            with suppress(ConnectionError):
                while taken[0] < LARGE_BYTES:
                    self.wfile.write(piece)
                    taken[0] += len(piece)

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"localhost:{server.server_port}", taken


@pytest.mark.parametrize(
    ("says_its_length", "limit_mb"),
    [
        (True, 0.2 * LIMIT_MB),
        # It is kept until it proves too large, and the memory for it grows by an eighth each time.
        (False, 1.125 * LIMIT_MB),
    ],
)
def test_a_body_of_200_mb_takes_no_more_memory_than_a_link_may_bring(
    harness: Harness, *, says_its_length: bool, limit_mb: float
) -> None:
    with pictures(PICTURE) as (host, _), large_body(says_its_length=says_its_length) as (large_host, taken):
        agent = harness.start_agent_process(ALLOWED_LINK_HOSTS=json.dumps([host, large_host]))
        # What links need is loaded with the first.
        harness.submit("small", {"steps": 1, "init_images": [f"http://{host}/a.png"]}, tasktype="image-to-image")
        harness.wait_for("small", Status.COMPLETED)
        before_mb = peak_rss_mb(agent.process.pid)
        harness.submit("large", {"steps": 1, "init_images": [f"http://{large_host}/a.png"]}, tasktype="image-to-image")
        error = harness.wait_for("large", Status.FAILED, seconds=40.0).error
        grown_mb = peak_rss_mb(agent.process.pid) - before_mb

    assert error is not None
    assert error["code"] == "link_refused"
    assert "larger than 50 MiB" in error["message"]
    assert taken[0] < LARGE_BYTES, "all of it was read"
    assert grown_mb < limit_mb
