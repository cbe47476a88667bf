"""The AWS of the local system in the process of the tests."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from local.aws_server import make_aws_server


@contextmanager
def serve_aws() -> Iterator[str]:
    """Serve while the block runs and give the endpoint's URL."""
    server = make_aws_server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
