"""Client of the HTTP API for the commands. Every failure has a message with its remedy.

It uses the standard library, because other clients need longer to import than a whole command may take.
"""

import http.client
import json
import secrets
import shutil
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, UnknownHandler

from cli.environment import SystemEndpoints
from cli.errors import CommandError, NoSuchTask, Refused, Unreachable

#: Seconds for one call: API Gateway itself answers within 29.
TIMEOUT_SECONDS: Final = 35.0


class ApiClient:
    """Calls one environment's HTTP API."""

    def __init__(self, *, environment: SystemEndpoints) -> None:
        self._url = environment.http_url.rstrip("/")
        self._key_source = environment.key_source
        # An environment may accept one of the two headers only (`apiKeyHeader`).
        self._key_headers = {"x-api-key": environment.api_key, "authorization": f"Bearer {environment.api_key}"}
        # Neither redirects nor files: the key goes to no other address.
        self._opener = OpenerDirector()
        for handler in (ProxyHandler(), UnknownHandler(), HTTPHandler(), HTTPSHandler()):
            self._opener.add_handler(handler)

    def submit(self, path: str, body: bytes) -> dict[str, Any]:
        """Post a task to `/v1alpha2` or `/v1alpha1`; the answer is the documented response."""
        return self._call("POST", path, body)

    def task(self, task_id: str) -> dict[str, Any]:
        """Return a task: status, times, progress, outputs, error."""
        return self._call("GET", f"/v1alpha2/tasks/{quote(task_id)}")

    def cancel(self, task_id: str) -> dict[str, Any]:
        """Cancel a waiting or running task."""
        return self._call("DELETE", f"/v1alpha2/tasks/{quote(task_id)}")

    def tasks(self, **filters: str | int) -> dict[str, Any]:
        """Return one page of tasks, the newest first."""
        return self._call("GET", f"/v1alpha2/tasks?{urlencode(filters)}")

    def upload(self, content: bytes, content_type: str) -> str:
        """Upload a picture and return the link by which tasks use it."""
        created = self._call("POST", "/v1alpha2/uploads", json.dumps({"content_type": content_type}).encode())
        form = created["upload"]
        boundary = secrets.token_hex(16)
        headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        body = _form(form["fields"], content, boundary)
        with self._open(form["method"], form["url"], headers, body) as response:
            if not _is_success(response):
                raise Refused(f"the picture was not accepted: HTTP {response.status}: {response.read().decode()[:500]}")
        return str(created["link"])

    def download(self, url: str, path: Path) -> None:
        """Save the object of a presigned link. The file appears only when it is complete."""
        partial = path.with_name(f".{path.name}.part")
        shown = url.partition("?")[0]
        try:
            # A presigned link carries its own authorization; S3 must not see the API key.
            with self._open("GET", url, {}) as response, partial.open("wb") as file:
                if not _is_success(response):
                    raise Refused(f"{shown} cannot be downloaded: HTTP {response.status}")
                shutil.copyfileobj(response, file)
                if response.length:
                    raise Unreachable(f"{shown} cannot be downloaded: {response.length} bytes are missing")
        except (http.client.HTTPException, TimeoutError, ConnectionError) as error:
            raise Unreachable(f"{shown} cannot be downloaded: {error!r}") from None
        else:
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def _call(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        headers = self._key_headers | {"content-type": "application/json"}
        with self._open(method, self._url + path, headers, body) as response:
            try:
                answer = json.loads(response.read())
            except (ValueError, OSError, http.client.HTTPException):
                answer = None
        if _is_success(response) and isinstance(answer, dict):
            return answer
        raise self._error(response.status, answer)

    def _error(self, status: int, answer: object) -> CommandError:
        if status == HTTPStatus.UNAUTHORIZED:
            return Refused(f"{self._url} does not accept the key of {self._key_source}; ask its operator for a key")
        message = _explain(answer)
        if not message:
            return Unreachable(f"{self._url} does not answer as Darkroom's HTTP API (HTTP {status}); check the address")
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Unreachable(message)
        return NoSuchTask(message) if status == HTTPStatus.NOT_FOUND else Refused(message)

    def _open(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> http.client.HTTPResponse:
        request = Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310 - the opener reads no file
        try:
            response: http.client.HTTPResponse = self._opener.open(request, timeout=TIMEOUT_SECONDS)
        except (URLError, OSError, http.client.HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise Unreachable(f"{request.type}://{request.host} does not answer: {reason}") from None
        return response


def _is_success(response: http.client.HTTPResponse) -> bool:
    return HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES


def _form(fields: Mapping[str, str], content: bytes, boundary: str) -> bytes:
    """Return a `multipart/form-data` body whose last field is the file."""
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    file_head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
    return (head + file_head).encode() + content + f"\r\n--{boundary}--\r\n".encode()


def _explain(body: object) -> str:
    match body:
        case {"error": {"details": list(details)}} if details:
            return "\n".join(_explain_field(detail) for detail in details)
        case {"error": {"code": code, "message": message}}:
            return f"{message} ({code})"
    return ""


def _explain_field(detail: Mapping[str, str]) -> str:
    return f"{detail['field']}: {detail['message']}"
