"""Header `Content-Length`, which a stranger may have written."""

import re
from typing import Final

#: Digits of a size that a server can mean: an exabyte. Python refuses to read numbers of more than 4,300 digits.
_SIZE: Final = re.compile(r"[0-9]{1,18}")


def content_length(value: str | None) -> int | None:
    """Return the size in bytes; None for a missing value, and for one that is not a plain number of that range."""
    return int(value) if value is not None and _SIZE.fullmatch(value) else None
