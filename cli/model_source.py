"""Source of a model on the internet: a file of Hugging Face, of Civitai, or of any other https server.

Its content is read once, and a connection that breaks is continued where it broke.
"""

import hashlib
import http.client
import io
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.message import Message
from typing import IO, Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from cli.errors import Refused, Unreachable
from contract.content_length import content_length

#: Servers with known addresses, tokens and checksums.
HUGGING_FACE: Final = "https://huggingface.co"
CIVITAI: Final = "https://civitai.com"
#: Seconds of silence after which a connection counts as broken.
SILENCE_SECONDS: Final = 60.0
#: Attempts without a new byte, and seconds before the second; each pause is twice the one before.
ATTEMPTS: Final = 5
PAUSE_SECONDS: Final = 1.0
#: Bytes of an answer about a model.
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
_HF_FILE: Final = re.compile(r"/([^/]+/[^/]+)/(?:blob|resolve)/([^/]+)/(.+)")
_CIVITAI_DOWNLOAD: Final = re.compile(r"/api/download/models/(\d+)")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NEEDS_TOKEN: Final = frozenset({401, 403})


@dataclass(frozen=True)
class ModelSource:
    """Address of a model's content, and what its server says about it."""

    url: str
    #: Name of the file; empty if only the download shows it.
    name: str
    #: None if the server publishes no checksum.
    sha256: str | None
    #: Sent to this address only, and to no other host that it redirects to.
    token: str | None


def server_of(url: str) -> str:
    """Return the address of a link's server."""
    return f"https://{_host(url).lower()}"


def find_source(url: str, tokens: Mapping[str, str], *, sha256: str | None = None) -> ModelSource:
    """Return the source that a link of a user means.

    Args:
        url: Link of a file, or of its page on Hugging Face or Civitai.
        tokens: Token for each server, by its address.
        sha256: Checksum that the user knows.

    Raises:
        Refused: if the link leads to no file.
        Unreachable: if its server does not answer.
    """
    parts = _parts(url)
    if sha256 is not None and not _SHA256.fullmatch(sha256 := sha256.lower()):
        raise Refused(f"--sha256 {sha256} is not a checksum of 64 hexadecimal digits")
    server = server_of(url)
    token = tokens.get(server)
    if server == HUGGING_FACE:
        source = _hugging_face(url, parts.path, token)
    elif server == CIVITAI:
        source = _civitai(url, parts.path, parse_qs(parts.query), token)
    else:
        source = ModelSource(url, unquote(parts.path.rpartition("/")[2]), None, token)
    if sha256 and source.sha256 and source.sha256 != sha256:
        raise Refused(f"{server} says that the SHA-256 is {source.sha256}, not {sha256}")
    return replace(source, sha256=sha256 or source.sha256)


def _hugging_face(url: str, path: str, token: str | None) -> ModelSource:
    found = _HF_FILE.fullmatch(path)
    if not found:
        raise Refused(f"{url} leads to no file; open the file in its repository and copy the link of its page")
    address = f"{HUGGING_FACE}/{found[1]}/resolve/{found[2]}/{found[3]}"
    # The redirect to the file names its SHA-256; the server that it leads to does not.
    with _open(address, {}, token, method="HEAD", follow=False) as answer:
        checksum = (answer.headers.get("X-Linked-ETag") or "").strip('"')
    name = unquote(found[3].rpartition("/")[2])
    return ModelSource(address, name, checksum if _SHA256.fullmatch(checksum) else None, token)


def _civitai(url: str, path: str, query: Mapping[str, list[str]], token: str | None) -> ModelSource:
    download = _CIVITAI_DOWNLOAD.fullmatch(path)
    versions = [download[1]] if download else query.get("modelVersionId", [])
    if len(versions) != 1 or not versions[0].isdecimal():
        raise Refused(f"{url} names no version of a model; choose one on the page, and copy the link of its download")
    with _open(f"{CIVITAI}/api/v1/model-versions/{versions[0]}", {}, token) as answer:
        try:
            version: Any = json.loads(answer.read(MAX_ANSWER_BYTES))
            files = sorted(version["files"], key=lambda file: not file.get("primary"))
            name, address = str(files[0]["name"]), str(files[0]["downloadUrl"])
            checksum = str(files[0].get("hashes", {}).get("SHA256", "")).lower()
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Unreachable(f"{CIVITAI} does not describe version {versions[0]} as it used to") from None
    if not address.startswith(f"{CIVITAI}/"):
        raise Unreachable(f"{CIVITAI} names a file on another server: {address}")
    return ModelSource(address, name, checksum if _SHA256.fullmatch(checksum) else None, token)


class ModelStream(io.RawIOBase):
    """Content of a source, read once from its beginning to its end and then compared with its size and checksum."""

    def __init__(self, source: ModelSource) -> None:
        super().__init__()
        self._source = source
        self._digest = hashlib.sha256()
        self._count = 0
        self._buffer = b""
        self._answer = _open(source.url, {}, source.token)
        size = content_length(self._answer.headers.get("Content-Length"))
        if size is None:
            raise Refused(f"{_host(source.url)} does not announce the size of the file, so it cannot be checked")
        self.size = size
        self.name = source.name or self._answer.headers.get_filename() or ""
        etag = self._answer.headers.get("ETag", "")
        #: Empty if it does not prove that the content is the same byte for byte.
        self._etag = "" if etag.startswith("W/") else etag

    @property
    def checksum(self) -> str:
        """SHA-256 of what has been read."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the connection."""
        # Python closes a stream also if no answer came, and then its making has failed.
        if hasattr(self, "_answer"):
            self._answer.close()
        super().close()

    def readable(self) -> bool:
        """Return True, because the stream is only read."""
        return True

    def peek(self, count: int) -> bytes:
        """Return the first bytes, which `read` returns again."""
        while len(self._buffer) < count and (chunk := self._next(count - len(self._buffer))):
            self._buffer += chunk
        return self._buffer[:count]

    def read(self, count: int = -1) -> bytes:
        """Return the next bytes, fewer at the end; raises Refused if the content is not what the server announced."""
        parts, rest = [], self.size if count < 0 else count
        while rest and (chunk := self._buffer[:rest] or self._next(rest)):
            self._buffer = self._buffer[len(chunk) :]
            parts.append(chunk)
            rest -= len(chunk)
        return b"".join(parts)

    def _next(self, most: int) -> bytes:
        pause_seconds = PAUSE_SECONDS
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(pause_seconds)
                pause_seconds *= 2
            try:
                if attempt:
                    self._continue()
                chunk = self._answer.read(min(most, self.size - self._count))
            except (OSError, http.client.HTTPException, Unreachable):
                continue
            if chunk or self._count == self.size:
                return self._taken(chunk)
        raise Unreachable(f"{_host(self._source.url)} broke off after {self._count:,} of {self.size:,} bytes")

    def _taken(self, chunk: bytes) -> bytes:
        self._digest.update(chunk)
        self._count += len(chunk)
        expected = self._source.sha256
        if self._count == self.size and expected and self.checksum != expected:
            raise Refused(f"the SHA-256 of what came is {self.checksum}, and {expected} is expected; nothing is stored")
        return chunk

    def _continue(self) -> None:
        """Ask for the rest of the same content."""
        self._answer.close()
        headers = {"Range": f"bytes={self._count}-", **({"If-Range": self._etag} if self._etag else {})}
        self._answer = _open(self._source.url, headers, self._source.token)
        begin = f"bytes {self._count}-{self.size - 1}/{self.size}"
        if self._answer.status != http.client.PARTIAL_CONTENT or self._answer.headers.get("Content-Range") != begin:
            raise Refused(f"{_host(self._source.url)} cannot continue the file, or has another one now; begin again")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https only. A token stays with the host that it was meant for."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            fp.close()
            raise Refused(f"{_host(req.full_url)} redirects to {newurl[:100]}, which is not https")
        following = super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]
        token = req.unredirected_hdrs.get("Authorization")
        if following and token and following.host == req.host:
            following.add_unredirected_header("Authorization", token)
        return following


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Returns a redirect as the answer."""

    def http_error_302(self, req: object, fp: Any, code: int, msg: str, headers: object) -> Any:  # noqa: ARG002
        """Return the redirect."""
        return fp

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _open(
    url: str, headers: Mapping[str, str], token: str | None, *, method: str = "GET", follow: bool = True
) -> http.client.HTTPResponse:
    """Send a request; raises Refused for an answer that another try would not change, else Unreachable."""
    # Compressed content would have another size.
    sent = {"Accept-Encoding": "identity", "User-Agent": "darkroom", **headers}
    request = urllib.request.Request(url, headers=sent, method=method)  # noqa: S310 - https only
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    opener = urllib.request.build_opener(_SafeRedirects if follow else _NoRedirects)
    try:
        answer: http.client.HTTPResponse = opener.open(request, timeout=SILENCE_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        advice = "; it wants a token that may read the file" if error.code in _NEEDS_TOKEN else ""
        kind = Refused if error.code < http.client.INTERNAL_SERVER_ERROR else Unreachable
        raise kind(f"{_host(url)} answered {error.code} for {url}{advice}") from None
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{_host(url)} does not answer: {error}") from None
    return answer


def _host(url: str) -> str:
    return _parts(url).netloc


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "https" or not parts.hostname or parts.username:
        raise Refused(f"{url} is not an https link without a user's name; copy the link of the file")
    return parts
