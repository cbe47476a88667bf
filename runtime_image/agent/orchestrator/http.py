"""HTTP client of an orchestrator's endpoints, all of which are near and answer small JSON."""

import json
import ssl
from collections.abc import Mapping
from typing import Any, Final

import httpcore

from runtime_image.agent.orchestrator.orchestrator import OrchestratorRefused

#: Seconds; the endpoints are on the same machine or in the same cluster.
TIMEOUT_SECONDS: Final = 5.0
#: Characters of an answer that an error quotes.
MAX_QUOTED: Final = 200


class OrchestratorClient:
    """Calls one endpoint, each time over a new connection, because calls are minutes apart."""

    def __init__(self, *, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        authorities: ssl.SSLContext | None = None,
        expected: frozenset[int] = frozenset({200}),
    ) -> tuple[int, str]:
        """Return status and body of an answer with an expected status.

        Args:
            method: The HTTP method.
            path: Begins with `/`.
            body: Sent as JSON.
            headers: In addition to the content type of a body, which they may replace.
            authorities: Trusted authorities, for https.
            expected: Status codes that count as success.

        Raises:
            OrchestratorRefused: on any other status, or without an answer.
        """
        content = None if body is None else json.dumps(body).encode()
        all_headers: dict[bytes | str, bytes | str] = {"Content-Type": "application/json"} if body is not None else {}
        all_headers.update(headers or {})
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), TIMEOUT_SECONDS)
        try:
            with httpcore.ConnectionPool(ssl_context=authorities) as pool:
                answer = pool.request(
                    method,
                    self._base_url + path,
                    headers=all_headers,
                    content=content,
                    extensions={"timeout": timeouts},
                )
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            raise OrchestratorRefused(f"{method} {path}: {type(error).__name__}: {error}") from error
        text = answer.content.decode(errors="replace")
        if answer.status not in expected:
            raise OrchestratorRefused(f"{method} {path}: {answer.status} {text[:MAX_QUOTED]}")
        return answer.status, text
