"""Check of https URLs that senders give for Darkroom to call: webhooks, and links that accept pictures."""

from urllib.parse import urlsplit


def check_https_url(value: str, *, max_length: int) -> str:
    """Return the URL; raises ValueError that says what is wrong with it."""
    if len(value) > max_length:
        raise ValueError(f"is {len(value)} characters long; {max_length} are allowed")
    if any(character <= " " or character == "\x7f" for character in value):
        raise ValueError("spaces and control characters are not allowed in a URL")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("is not valid Unicode text")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"is not a URL ({error})") from None
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("must be an https:// URL with a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold credentials; put a secret into the path or query instead")
    return value
