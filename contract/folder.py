"""Check of folders in buckets that senders name, so that none leads elsewhere."""

import unicodedata
from typing import Final

#: UTF-8 bytes of a folder: half of S3's 1,024 for a key, because id and file name follow it.
MAX_PREFIX_BYTES: Final = 512


def check_folder(value: str) -> str:
    """Return a folder without slashes at its ends; raises ValueError that says what is wrong with it."""
    prefix = value.strip("/")
    if not prefix:
        raise ValueError("is empty; leave it out to use 'output', or name a folder")
    if any(unicodedata.category(character) == "Cc" for character in prefix):
        raise ValueError("control characters are not allowed")
    try:
        size = len(prefix.encode())
    except UnicodeEncodeError:
        raise ValueError("is not valid Unicode text") from None
    if size > MAX_PREFIX_BYTES:
        raise ValueError(f"is {size} bytes long; {MAX_PREFIX_BYTES} are allowed")
    segments = prefix.split("/")
    if "" in segments:
        raise ValueError("has an empty segment ('//'); write single slashes")
    if any(segment in {".", ".."} for segment in segments):
        raise ValueError("'.' and '..' are not allowed as segments; name a folder inside the bucket")
    return prefix
