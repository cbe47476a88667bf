"""AWS of the local system, served from the process of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from local.aws.server import make_aws_server
from tests.harness.serving import serving


@contextmanager
def serve_aws() -> Iterator[str]:
    """Serve while the block runs and return the endpoint's URL."""
    with serving(make_aws_server()) as server:
        yield f"http://127.0.0.1:{server.server_port}"
