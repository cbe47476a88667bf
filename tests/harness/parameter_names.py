"""Short names of parameters in the names of tests."""

import zlib


def name_bytes(value: object) -> str | None:
    """Return a short name of bytes, the same in each process; None leaves the name of another value to pytest."""
    return f"{len(value)}-bytes-{zlib.crc32(value):08x}" if isinstance(value, bytes) else None
