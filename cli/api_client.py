"""Client of the HTTP API for the commands. Every failure has a message with its remedy."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from cli.environment import SystemEndpoints
from cli.errors import NoSuchTask, Refused, Unreachable

#: Seconds for one call: API Gateway itself answers within 29.
TIMEOUT_SECONDS: Final = 35.0


class ApiClient:
    """Calls one environment's HTTP API. Use it as a context manager."""

    def __init__(self, *, environment: SystemEndpoints, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(
            base_url=environment.http_url.rstrip("/"),
            # An environment may accept one of the two headers only (`apiKeyHeader`).
            headers={"x-api-key": environment.api_key, "authorization": f"Bearer {environment.api_key}"},
            timeout=TIMEOUT_SECONDS,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def submit(self, path: str, body: bytes) -> dict[str, Any]:
        """Post a task to `/v1alpha2` or `/v1alpha1`; the answer is the documented response."""
        return self._call("POST", path, content=body, headers={"content-type": "application/json"})

    def task(self, task_id: str) -> dict[str, Any]:
        """Return a task: status, times, progress, outputs, error."""
        return self._call("GET", f"/v1alpha2/tasks/{task_id}")

    def cancel(self, task_id: str) -> dict[str, Any]:
        """Cancel a waiting or running task."""
        return self._call("DELETE", f"/v1alpha2/tasks/{task_id}")

    def tasks(self, **filters: str | int) -> dict[str, Any]:
        """Return one page of tasks, the newest first."""
        return self._call("GET", "/v1alpha2/tasks", params=filters)

    def download(self, url: str, path: Path) -> None:
        """Save the object of a presigned link. The file appears only when it is complete."""
        partial = path.with_name(f".{path.name}.part")
        try:
            # A presigned link carries its own authorization; S3 must not see the API key.
            with httpx.stream("GET", url, timeout=TIMEOUT_SECONDS, follow_redirects=False) as response:
                if response.is_error:
                    raise Refused(f"{url.partition('?')[0]} cannot be downloaded: HTTP {response.status_code}")
                with partial.open("wb") as file:
                    for piece in response.iter_bytes():
                        file.write(piece)
        except httpx.HTTPError as error:
            partial.unlink(missing_ok=True)
            raise Unreachable(f"{url.partition('?')[0]} cannot be downloaded: {error}") from None
        partial.replace(path)

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = self._client.request(method, path, **options)
        except httpx.HTTPError as error:
            raise Unreachable(f"{self._client.base_url} does not answer: {error}") from None
        try:
            body = response.json()
        except ValueError:
            body = None
        if response.is_success and isinstance(body, dict):
            return body
        if response.is_server_error:
            raise Unreachable(_explain(body) or f"HTTP {response.status_code} from {method} {path}")
        if response.status_code == httpx.codes.NOT_FOUND:
            raise NoSuchTask(_explain(body) or f"HTTP 404 from {method} {path}")
        raise Refused(_explain(body) or f"HTTP {response.status_code} from {method} {path}")


def _explain(body: object) -> str:
    match body:
        case {"error": {"details": list(details)}} if details:
            return "\n".join(_explain_field(detail) for detail in details)
        case {"error": {"code": code, "message": message}}:
            return f"{message} ({code})"
    return ""


def _explain_field(detail: Mapping[str, str]) -> str:
    return f"{detail['field']}: {detail['message']}"
