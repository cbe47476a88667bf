"""Strict parser of links: a link that two programs could read differently is refused."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from guarded_http.errors import LinkRefused

#: Characters of a link.
MAX_URL_LENGTH: Final = 8192
#: Characters of a host name (RFC 1035).
MAX_HOST_LENGTH: Final = 253
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_BRACKETED: Final = re.compile(r"\[[0-9A-Fa-f:.]+\](?::[0-9]*)?", re.ASCII)
_BROKEN_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: Characters that stay as they are when a path or query is put on the wire.
_SAFE: Final = "/?:@!$&'()*+,;=-._~%[]"


@dataclass(frozen=True)
class HttpUrl:
    """Parts of an http(s) link."""

    scheme: str
    #: ASCII, lower case; an address literal is in its normal form, without brackets.
    host: str
    port: int
    #: Path and query.
    target: str

    @property
    def authority(self) -> str:
        """`host` or `host:port`, as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_http_url(url: str) -> HttpUrl:
    """Parse an http(s) link; raises LinkRefused that says what is wrong with it."""
    parts = _split(url)
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise LinkRefused(f"only http and https links can be followed, not {scheme[:20]}:")
    if "@" in parts.netloc:
        raise LinkRefused("credentials in a link are not accepted; use a presigned link")
    try:
        port = DEFAULT_PORTS[scheme] if parts.port is None else parts.port
    except ValueError:
        raise LinkRefused("the port is not a number from 1 to 65535") from None
    if port == 0:
        raise LinkRefused("the port is not a number from 1 to 65535")
    path = quote(parts.path or "/", safe=_SAFE)
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    return HttpUrl(scheme, _host(parts), port, path + query)


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL_LENGTH:
        raise LinkRefused(f"the link has {len(url)} characters; {MAX_URL_LENGTH} are accepted")
    if any(character < " " or character in "\\\x7f" for character in url):
        raise LinkRefused("backslashes and control characters are not allowed in a link")
    if _BROKEN_PERCENT.search(url):
        raise LinkRefused("a '%' in a link must be followed by two hexadecimal digits")
    try:
        url.encode()
        return urlsplit(url)
    except ValueError as error:
        raise LinkRefused(f"not a URL ({str(error)[:200]})") from None


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host:
        raise LinkRefused("the link names no host")
    if parts.netloc.startswith("["):
        if not _BRACKETED.fullmatch(parts.netloc):
            raise LinkRefused("the address in brackets is not IPv6")
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise LinkRefused("the address in brackets is not IPv6") from None
    try:
        # Also turns full-width digits and dots into plain ones, before they are looked at.
        name = host.encode("idna").decode("ascii").lower().removesuffix(".")
    except UnicodeError:
        raise LinkRefused("the host is not a valid name") from None
    labels = name.split(".")
    if len(name) > MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in labels):
        raise LinkRefused("the host is not a valid name")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(name)
    return name


def _ipv4(name: str) -> str:
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        message = "an address must be written as four decimal numbers (no octal, hexadecimal or joined forms)"
        raise LinkRefused(message) from None
