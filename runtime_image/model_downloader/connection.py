"""One kept connection to S3 that carries ranges, one after the other, straight into a buffer."""

import http.client
import re
import ssl
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final
from urllib.parse import urlsplit

import botocore.session
from botocore.httpsession import get_cert_path

from runtime_image.model_downloader.bucket import READ_SECONDS
from runtime_image.model_downloader.errors import ConnectionCut, DownloadFailed, ObjectChanged
from runtime_image.model_downloader.ranges import Range
from runtime_image.model_downloader.remote_file import RemoteFile, bare_etag
from runtime_image.model_downloader.signing import SignedRequest

#: Bytes that are read, and written to disk, at a time: a huge page, which the page cache then takes as a whole instead
#: of page by page. Eight connections stay far below 200 MB.
BUFFER_BYTES: Final = 2 * 1024 * 1024
#: Bytes of an error's body that are looked at.
MAX_ERROR_BYTES: Final = 4096
#: Refusals that the next try, with a new signature, may not meet.
_PASSING_CODES: Final = frozenset({"ExpiredToken", "RequestTimeTooSkewed", "RequestTimeout", "SlowDown"})
_PASSING_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_GONE_STATUSES: Final = frozenset({404, 412, 416})
_CODE: Final = re.compile(rb"<Code>([A-Za-z.]{1,100})</Code>")


class RangeConnection:
    """Of one thread. What another try may not meet is ConnectionCut."""

    def __init__(self) -> None:
        self._connection: http.client.HTTPConnection | None = None
        self._peer = ("", "")
        self._buffer = memoryview(bytearray(BUFFER_BYTES))
        #: Of the last answer, names in lower case.
        self.headers: Mapping[str, str] = {}

    def read(self, request: SignedRequest, file: RemoteFile, wanted: Range) -> Iterator[memoryview]:
        """Yield the bytes of a range in order; each block is valid until the next is asked for.

        Raises:
            ObjectChanged: if the bucket does not hold `file` any more.
            DownloadFailed: if S3 refuses for good.
            ConnectionCut: if not all of the range came.
        """
        try:
            response = self._send(request, file, wanted)
            left = wanted.end - wanted.start
            while left:
                count = response.readinto(self._buffer[:left])
                if not count:
                    raise http.client.IncompleteRead(b"", left)  # noqa: TRY301 - told like every other cut below
                left -= count
                yield self._buffer[:count]
            # Reads the end of a chunked body, so that the connection can be used again.
            response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ConnectionCut(f"{type(error).__name__}: {error}"[:200]) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next read opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(self, request: SignedRequest, file: RemoteFile, wanted: Range) -> http.client.HTTPResponse:
        parts = urlsplit(request.url)
        if self._connection is None or self._peer != (parts.scheme, parts.netloc):
            self.close()
            self._peer = (parts.scheme, parts.netloc)
            self._connection = _connect(parts.scheme, parts.netloc)
        is_whole = wanted == Range(0, file.size)
        headers = request.headers if is_whole else {**request.headers, "Range": wanted.header}
        self._connection.request("GET", f"{parts.path}?{parts.query}", headers=headers)
        response = self._connection.getresponse()
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        if response.status not in {200, 206}:
            raise _refusal(response, file)
        self._check(response, file, wanted, is_whole=is_whole)
        return response

    def _check(self, response: http.client.HTTPResponse, file: RemoteFile, wanted: Range, *, is_whole: bool) -> None:
        etag = self.headers.get("etag")
        if etag is not None and bare_etag(etag) != file.etag:
            raise ObjectChanged(file.key)
        if is_whole:
            if response.length not in {None, file.size}:
                raise ObjectChanged(file.key)
            return
        # Some servers answer 200 to a range, so what counts is what they say they send.
        expected = f"bytes {wanted.start}-{wanted.end - 1}/{file.size}"
        if self.headers.get("content-range") != expected:
            raise DownloadFailed(
                f"the server sends {self.headers.get('content-range', 'no range')!r} of {file.key}, not {expected!r}"
            )


def _connect(scheme: str, peer: str) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(peer, timeout=READ_SECONDS)
    return http.client.HTTPSConnection(peer, timeout=READ_SECONDS, context=_tls_context())


@cache
def _tls_context() -> ssl.SSLContext:
    """Trust whom boto3 trusts: loading that takes 20 ms, so it is done once."""
    bundle = botocore.session.get_session().get_config_variable("ca_bundle")
    return ssl.create_default_context(cafile=bundle or get_cert_path(verify=True))


def _refusal(response: http.client.HTTPResponse, file: RemoteFile) -> Exception:
    match = _CODE.search(response.read(MAX_ERROR_BYTES))
    code = match[1].decode() if match else ""
    if response.status in _GONE_STATUSES:
        return ObjectChanged(file.key)
    text = f"S3 answered {response.status} {code} for {file.key}"
    if response.status in _PASSING_STATUSES or code in _PASSING_CODES:
        return ConnectionCut(text)
    return DownloadFailed(text)
