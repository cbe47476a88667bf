"""AWS of the local system: a moto server in its own process, with all of its state in memory.

`python -m local.aws.server [PORT]` chooses a free port unless it is given one, and prints it as one JSON line.
"""

import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from local.aws.moto_corrections import correct_moto

WsgiApplication = Callable[[dict[str, Any], Any], Iterable[bytes]]

#: Start of the X-Amz-Target header of every DynamoDB call but those that read streams.
_DYNAMODB_TARGET: Final = "DynamoDB_"
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class OwnPagesOnly:
    """Refuses the pages of other machines, to which moto would answer everything.

    A page that has its name point to this machine sends no origin with a GET, so the name in the URL counts too.
    """

    def __init__(self, application: WsgiApplication) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        origin, host = environ.get("HTTP_ORIGIN"), environ.get("HTTP_HOST")
        if (origin and not _is_loopback(origin)) or (host and not _is_loopback(f"//{host}")):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"only pages of this machine may call"]
        return self._application(environ, start_response)


class OneTableWriteAtATime:
    """Lets DynamoDB calls through one by one.

    moto holds no lock between the check of a condition and the write. Two threads could both claim the same task,
    which DynamoDB never allows.
    """

    def __init__(self, application: WsgiApplication) -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        if not environ.get("HTTP_X_AMZ_TARGET", "").startswith(_DYNAMODB_TARGET):
            return self._application(environ, start_response)
        with self._lock:
            return list(self._application(environ, start_response))


class RememberingDispatcher(DomainDispatcherApplication):  # type: ignore[misc]  # moto has no types
    """Finds a service's application once.

    For every request moto walks through its own folder of two hundred services again, which takes longer than most
    answers.
    """

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._backends: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of the application behind a host."""
        if host not in self._backends:
            self._backends[host] = super().get_backend_for_host(host)
        return self._backends[host]


def make_aws_server(*, port: int = 0) -> BaseWSGIServer:
    """Return a server on `port` of 127.0.0.1, on a free port for 0; all of one process share their state."""
    # One line a request would be most of what the log file holds.
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    correct_moto()
    application = OwnPagesOnly(OneTableWriteAtATime(RememberingDispatcher()))
    return make_server("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler)


def _is_loopback(url: str) -> bool:
    """Return True if the host of a URL is this machine on every network, as that of `bucket.localhost` is."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in _LOOPBACK or host.endswith(".localhost")


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM."""
    server = make_aws_server(port=int(arguments[0]) if arguments else 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    sys.stdout.write(json.dumps({"event": "listening", "port": server.server_port}) + "\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
